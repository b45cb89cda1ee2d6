/** What can be done with the chosen trip: follow its vehicle, and cancel it after one question. */
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import { Crosshair } from "lucide-react";
import { useState } from "react";

import { ApiError, cancelTrip, type LiveTrip } from "../../api";
import { ProblemNote, useReading, type Failure } from "../../ui";
import type { Row } from "./rows";
import { ends } from "./texts";
import styles from "./TripPanel.module.css";

export interface TripActionsProps {
  readonly row: Row;
  readonly following: boolean;
  readonly onFollow: (follow: boolean) => void;
}

export function TripActions({ row, following, onFollow }: TripActionsProps) {
  const { words } = useReading();
  const [asking, setAsking] = useState(false);
  const { trip, vehicle } = row;
  const open = trip?.status === "underway" || trip?.status === "planned";
  if (!open && !(vehicle && !trip)) return null;
  return (
    <div className={styles.actions}>
      {vehicle && (
        <Button
          variant={following ? "outlined" : "contained"}
          color={following ? "inherit" : "primary"}
          startIcon={<Crosshair size={18} strokeWidth={1.75} />}
          onClick={() => onFollow(!following)}
        >
          {following ? words.trip.unfollow : words.trip.follow}
        </Button>
      )}
      {trip && open && (
        <>
          <Button variant="outlined" color="error" onClick={() => setAsking(true)}>
            {words.trip.cancelTrip}
          </Button>
          {asking && <CancelQuestion trip={trip} onClose={() => setAsking(false)} />}
        </>
      )}
    </div>
  );
}

interface CancelQuestionProps {
  readonly trip: LiveTrip;
  readonly onClose: () => void;
}

function CancelQuestion({ trip, onClose }: CancelQuestionProps) {
  const reading = useReading();
  const { words } = reading;
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);

  const confirm = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await cancelTrip(trip.trip_id);
      onClose();
    } catch (error) {
      setFailure(error instanceof ApiError ? error : { problem: null });
      setBusy(false);
    }
  };

  return (
    <Dialog open onClose={onClose} aria-labelledby="cancel-title" maxWidth="xs">
      <DialogTitle id="cancel-title">{words.trip.cancelQuestion(trip.vehicle_name)}</DialogTitle>
      <DialogContent>
        <p className={styles.question}>{words.trip.cancelHelp(...ends(trip, reading))}</p>
        {failure && <ProblemNote title={words.trip.cancelFailed} failure={failure} />}
      </DialogContent>
      <DialogActions>
        <Button variant="outlined" color="inherit" onClick={onClose}>
          {words.trip.keepTrip}
        </Button>
        <Button variant="contained" color="error" disabled={busy} onClick={() => void confirm()}>
          {words.trip.cancelTrip}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
