/** Starting a trip: choose a route, seen on the map at once, name the vehicle, choose the pace, go. */
import Button from "@mui/material/Button";
import FormControlLabel from "@mui/material/FormControlLabel";
import IconButton from "@mui/material/IconButton";
import Switch from "@mui/material/Switch";
import TextField from "@mui/material/TextField";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import { X } from "lucide-react";
import { useEffect, useMemo, useRef, useState, type SyntheticEvent } from "react";

import { ApiError, getRoutes, liveStore, startTrip, useResource, type Trip } from "../../api";
import { ProblemNote, useReading, type Failure } from "../../ui";
import { RouteChoice } from "./RouteChoice";
import { bodyOf, complaints, freeName, PACES, type Complaint, type StartForm } from "./startForm";
import styles from "./StartPanel.module.css";

export interface StartPanelProps {
  /** The route to show on the map, null for none. */
  readonly onPreview: (route_id: string | null) => void;
  readonly onStarted: (trip: Trip) => void;
  readonly onClose: () => void;
}

function takenNames(): Set<string> {
  const names = new Set<string>();
  for (const vehicle of liveStore.vehicles.values()) names.add(vehicle.name);
  for (const trip of liveStore.trips.values()) names.add(trip.vehicle_name);
  return names;
}

export function StartPanel({ onPreview, onStarted, onClose }: StartPanelProps) {
  const { words } = useReading();
  const heading = useRef<HTMLHeadingElement>(null);
  const routes = useResource("routes", (signal) => getRoutes(signal));
  const [form, setForm] = useState<StartForm>(() => ({
    route_id: null,
    vehicle_name: freeName(takenNames(), words),
    simulated: true,
    pace: 1,
    device: "",
  }));
  const { busy, failure, missing, submit } = useStart(form, onStarted);
  const change = (part: Partial<StartForm>) => setForm((before) => ({ ...before, ...part }));

  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    onPreview(form.route_id);
    return () => onPreview(null);
  }, [form.route_id, onPreview]);

  return (
    <section className={styles.panel} aria-labelledby="start-title" data-testid="start-panel">
      <header className={styles.head}>
        <div>
          <h2 id="start-title" ref={heading} tabIndex={-1}>
            {words.start.title}
          </h2>
          <p>{words.start.help}</p>
        </div>
        <IconButton aria-label={words.app.close} onClick={onClose}>
          <X size={20} strokeWidth={1.75} />
        </IconButton>
      </header>
      <form className={styles.form} onSubmit={submit} noValidate>
        <RouteChoice
          routes={routes}
          chosen={form.route_id}
          complaint={missing.route}
          onChoose={(route_id) => change({ route_id })}
        />
        <div className={styles.fields}>
          <Fields form={form} missing={missing} onChange={change} />
          {failure && <ProblemNote title={words.start.failed} failure={failure} />}
        </div>
        <footer className={styles.foot}>
          <Button type="submit" variant="contained" disabled={busy} fullWidth data-testid="start-submit">
            {busy ? words.start.submitting : words.start.submit}
          </Button>
        </footer>
      </form>
    </section>
  );
}

interface FieldsProps {
  readonly form: StartForm;
  readonly missing: Complaint;
  readonly onChange: (part: Partial<StartForm>) => void;
}

function Fields({ form, missing, onChange }: FieldsProps) {
  const { words } = useReading();
  return (
    <>
      <label className={styles.label} htmlFor="start-vehicle">
        {words.start.vehicle}
      </label>
      <TextField
        id="start-vehicle"
        size="small"
        fullWidth
        value={form.vehicle_name}
        error={missing.vehicle !== undefined}
        helperText={missing.vehicle ?? words.start.vehicleHelp}
        slotProps={{ htmlInput: { maxLength: 120, autoComplete: "off" } }}
        onChange={(event) => onChange({ vehicle_name: event.target.value })}
      />
      <FormControlLabel
        className={styles.switch ?? ""}
        control={<Switch size="small" checked={form.simulated} onChange={(_, simulated) => onChange({ simulated })} />}
        label={words.start.simulated}
      />
      <p className={styles.help}>{form.simulated ? words.start.simulatedHelp : words.start.deviceHelp}</p>
      {form.simulated ? (
        <>
          <span className={styles.label} id="start-pace">
            {words.start.speed}
          </span>
          <ToggleButtonGroup
            exclusive
            fullWidth
            value={form.pace}
            aria-labelledby="start-pace"
            onChange={(_, pace: number | null) => pace !== null && onChange({ pace })}
          >
            {PACES.map((pace) => (
              <ToggleButton key={pace} value={pace}>
                ×{pace}
              </ToggleButton>
            ))}
          </ToggleButtonGroup>
          <p className={styles.help}>{words.start.speedHelp}</p>
        </>
      ) : (
        <>
          <label className={styles.label} htmlFor="start-device">
            {words.start.device}
          </label>
          <TextField
            id="start-device"
            size="small"
            fullWidth
            value={form.device}
            error={missing.device !== undefined}
            helperText={missing.device ?? " "}
            slotProps={{ htmlInput: { maxLength: 64, autoComplete: "off", spellCheck: false } }}
            onChange={(event) => onChange({ device: event.target.value })}
          />
        </>
      )}
    </>
  );
}

interface Starting {
  readonly busy: boolean;
  readonly failure: Failure | null;
  readonly missing: Complaint;
  readonly submit: (event: SyntheticEvent) => void;
}

function useStart(form: StartForm, onStarted: (trip: Trip) => void): Starting {
  const { words } = useReading();
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  // One key for one content of the form: a click that is repeated, or sent again after a lost answer, starts one trip.
  const content = JSON.stringify(form);
  // eslint-disable-next-line react-hooks/exhaustive-deps -- a new content wants a new key
  const idempotencyKey = useMemo(() => crypto.randomUUID(), [content]);
  const missing = useMemo(() => complaints(form, words), [form, words]);

  const send = async (route_id: string) => {
    setBusy(true);
    setFailure(null);
    try {
      onStarted(await startTrip(bodyOf(form, route_id), idempotencyKey));
    } catch (error) {
      setFailure(error instanceof ApiError ? error : { problem: null });
      setBusy(false);
    }
  };

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(missing).length === 0 && form.route_id !== null && !busy) void send(form.route_id);
  };
  return { busy, failure, missing: tried ? missing : {}, submit };
}
