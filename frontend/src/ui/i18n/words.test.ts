import { describe, expect, it } from "vitest";

import { en } from "./en";
import { dictionaries, preferredLanguage } from "./index";
import { pt } from "./pt";

/** Every entry of a dictionary as [path, value]. */
function entries(value: object, path = ""): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    const here = path === "" ? name : `${path}.${name}`;
    return typeof inner === "object" && inner !== null ? entries(inner, here) : [[here, inner] as [string, unknown]];
  });
}

/** Portuguese and English as the design's table of words has them. */
const DESIGN: readonly (readonly [string, string, string, string])[] = [
  [pt.app.live, "Ao vivo", en.app.live, "Live"],
  [pt.trip.selectTrip, "Selecione uma corrida", en.trip.selectTrip, "Select a trip"],
  [pt.start.button, "Iniciar a corrida", en.start.button, "Start the trip"],
  [pt.list.underway, "Em curso", en.list.underway, "Underway"],
  [pt.list.planned, "Planejadas", en.list.planned, "Planned"],
  [pt.list.finished, "Concluídas", en.list.finished, "Finished"],
  [pt.list.attention, "Atenção", en.list.attention, "Attention"],
  [pt.list.onTime, "No horário", en.list.onTime, "On time"],
  [pt.trip.follow, "Seguir", en.trip.follow, "Follow"],
  [pt.trip.unfollow, "Parar de seguir", en.trip.unfollow, "Stop following"],
  [pt.trip.cancelTrip, "Cancelar a corrida", en.trip.cancelTrip, "Cancel the trip"],
  [pt.trip.timeline, "Linha do tempo", en.trip.timeline, "Timeline"],
  [pt.trip.events, "Eventos", en.trip.events, "Events"],
  [pt.happened.deviated, "Saiu da rota", en.happened.deviated, "Left the route"],
  [pt.happened.rejoined, "Voltou à rota", en.happened.rejoined, "Back on route"],
  [pt.keys.next, "Próxima com atenção", en.keys.next, "Next that needs attention"],
  [pt.list.emptyUnderway, "Nenhuma corrida em curso", en.list.emptyUnderway, "No trip underway"],
  [pt.operations.atZero, "em zero", en.operations.atZero, "at zero"],
  [pt.operations.coldStart, "partida a frio", en.operations.coldStart, "cold start"],
  [pt.operations.flow, "Fluxo de eventos", en.operations.flow, "Event flow"],
  [pt.operations.deadLetters, "Não entregues", en.operations.deadLetters, "Dead letters"],
  [pt.operations.replay, "Reenviar", en.operations.replay, "Replay"],
  [pt.operations.drop, "Descartar", en.operations.drop, "Drop"],
  [pt.operations.histogram, "Do tick ao navegador", en.operations.histogram, "Tick to browser"],
  [pt.connection.retryNow, "Tentar agora", en.connection.retryNow, "Try now"],
];

describe("words", () => {
  it("has the same entries in both languages, none of them empty", () => {
    const [inPt, inEn] = [entries(pt), entries(en)];
    expect(inEn.map(([path]) => path).sort()).toEqual(inPt.map(([path]) => path).sort());
    for (const [path, value] of [...inPt, ...inEn]) {
      if (typeof value === "string") expect(value.trim(), path).not.toBe("");
      else expect(typeof value, path).toBe("function");
    }
  });

  it("uses no exclamation marks", () => {
    for (const dictionary of Object.values(dictionaries)) {
      for (const [path, value] of entries(dictionary)) {
        const shouting = typeof value === "string" ? /!/ : /!["'`]/;
        expect(String(value), path).not.toMatch(shouting);
      }
    }
  });

  it.each(DESIGN)("says %s as the design does", (portuguese, inDesign, english, inEnglish) => {
    expect([portuguese, english]).toEqual([inDesign, inEnglish]);
  });

  it("agrees in number and gender", () => {
    expect([pt.counters.late(1), pt.counters.late(4)]).toEqual(["atrasada", "atrasadas"]);
    expect([pt.counters.finished(1), pt.counters.finished(0)]).toEqual(["concluída hoje", "concluídas hoje"]);
    expect(pt.connection.back("1.204", 1204)).toBe("De volta. 1.204 posições recebidas.");
    expect(en.connection.back("1", 1)).toBe("Back online. 1 position received.");
    expect(pt.connection.back("0", 0)).toBe("De volta.");
  });

  it("takes the browser's first language that is spoken here", () => {
    expect(preferredLanguage(["pt-PT", "en"])).toBe("pt-BR");
    expect(preferredLanguage(["de", "en-US"])).toBe("en");
    expect(preferredLanguage(["de"])).toBe("en");
  });
});
