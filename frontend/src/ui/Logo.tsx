/** The product's mark: a way with its start and a vehicle at its end. */
export function Logo() {
  return (
    <svg width={28} height={28} viewBox="0 0 28 28" aria-hidden="true">
      <path
        d="M5 22.5C5 13 12 15.5 12 9.5S18 5 23 5"
        fill="none"
        stroke="var(--accent)"
        strokeWidth={3.2}
        strokeLinecap="round"
      />
      <circle cx={5} cy={22.5} r={2.6} fill="var(--ink)" />
      <path d="m26 5-6.5 4 .8-4-.8-4L26 5Z" fill="var(--ink)" />
    </svg>
  );
}
