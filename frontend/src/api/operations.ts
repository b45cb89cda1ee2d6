/** What GET /v1/operations answers: the runtime's figures, as the gateway passes them on (docs/protocol.md, `Operations`). */

export interface ServiceStatus {
  namespace: string;
  name: string;
  instances: number;
  starting: number;
  in_flight: number;
  requests_per_s: number;
  p99_ms: number | null;
  cold_starts: number[];
  cold_start_p50_ms: number | null;
  history: [number, number][];
  /** Why it cannot be started, if so. */
  problem?: string | null;
}

export interface DeploymentStatus {
  namespace: string;
  name: string;
  running: number;
  restarts: number;
  /** Why it does not run, if so. */
  problem?: string | null;
}

export interface BrokerStatus {
  namespace: string;
  name: string;
  events_per_s: number;
  events_total: number;
}

export interface TriggerStatus {
  namespace: string;
  name: string;
  broker: string;
  subscriber: string;
  filter: string;
  events_per_s: number;
  in_flight: number;
  backlog: number;
  dead_letters: number;
}

export interface SourceStatus {
  source: string;
  events_per_s: number;
}

export interface Operations {
  now_ms: number;
  started_ms: number;
  services: ServiceStatus[];
  deployments: DeploymentStatus[];
  brokers: BrokerStatus[];
  triggers: TriggerStatus[];
  sources: SourceStatus[];
  dead_letters: { total: number };
}
