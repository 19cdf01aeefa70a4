// Small line icons, 16 units wide; always beside a word or named by their button.
const SHAPES = {
  overview: "M2 9h5V2H2zM9 14h5V7H9zM2 14h5v-3H2zM9 5h5V2H9z",
  bundles: "M2 5l6-3 6 3-6 3zM2 8l6 3 6-3M2 11l6 3 6-3",
  compare: "M5 2v12M11 2v12M2 5h6M8 11h6",
  data: "M2 4c0-3 12-3 12 0v8c0 3-12 3-12 0zM2 4c0 3 12 3 12 0M2 8c0 3 12 3 12 0",
  workers: "M4 4h8v8H4zM6 1v3M10 1v3M6 12v3M10 12v3M1 6h3M1 10h3M12 6h3M12 10h3",
  submit: "M8 13V3M4 7l4-4 4 4",
  sun: "M8 5a3 3 0 100 6 3 3 0 000-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1",
  moon: "M13 9.5A5.5 5.5 0 016.5 3a5.5 5.5 0 106.5 6.5z",
  help: "M5.5 6a2.5 2.5 0 115 0c0 1.8-2.5 2-2.5 3.6M8 12.6v.1",
  copy: "M5 5h9v9H5zM2 11V2h9",
  done: "M3 8.5l3.2 3L13 4.5",
  failed: "M4 4l8 8M12 4l-8 8",
  running: "M5 3l8 5-8 5z",
  pending: "M8 2a6 6 0 100 12A6 6 0 008 2zM8 5v3l2 2",
  paused: "M5.5 3v10M10.5 3v10",
  cancelled: "M8 2a6 6 0 100 12A6 6 0 008 2zM4 12l8-8",
  download: "M8 2v8M4.5 7L8 10.5 11.5 7M2 14h12",
  close: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
} as const;

export type IconName = keyof typeof SHAPES;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}
