// The frame of the page: navigation, theme, help, and the view of the address.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Tray } from "./compare/tray";
import { Help, helpOpen } from "./help";
import { useKeys } from "./live/keys";
import { path } from "./routing/location";
import { routeOf, type Route, type ViewProps } from "./routing/routes";
import { Icon, type IconName } from "./ui/icon";
import { Empty, Skeleton } from "./ui/states";
import { theme, toggleTheme } from "./ui/theme";
import { VIEWS } from "./views/views";

const NAV: readonly (readonly [string, string, IconName])[] = [
  ["/", "Overview", "overview"],
  ["/bundles", "Bundles", "bundles"],
  ["/compare", "Compare", "compare"],
  ["/data", "Data", "data"],
  ["/workers", "Workers", "workers"],
  ["/submit", "Submit", "submit"],
];

let firstView = true;
/** The views that were chunks of their own and are here. */
const loaded = new Map<Route, ComponentType<ViewProps>>();

export function App() {
  const found = routeOf(path.value);
  useKeys({
    "?": () => {
      helpOpen.value = true;
    },
    "/": () => {
      const field = document.querySelector<HTMLInputElement>("main input[type=search]");
      field?.focus();
      return field !== null;
    },
  });
  return (
    <div class="frame">
      <a class="skip" href="#main" data-outside>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href="/">
          <Mark /> Backfleet
        </a>
        <nav class="nav" aria-label="views">
          {NAV.map(([href, title, icon]) => (
            <a key={href} href={href} aria-current={here(path.value, href) ? "page" : undefined}>
              <Icon name={icon} />
              {title}
            </a>
          ))}
        </nav>
        <div class="tools">
          <a class="button quiet" href="/docs" data-outside>
            API
          </a>
          <button type="button" class="button quiet icon" onClick={toggleTheme} aria-label={`use the ${theme.value === "dark" ? "light" : "dark"} theme`}>
            <Icon name={theme.value === "dark" ? "sun" : "moon"} />
          </button>
          <button type="button" class="button quiet icon" onClick={() => (helpOpen.value = true)} aria-label="keyboard and help">
            <Icon name="help" />
          </button>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {found ? <View key={`${found.route.title}/${found.id}`} route={found.route} id={found.id} /> : <Nowhere />}
      </main>
      <Tray />
      <Help />
    </div>
  );
}

/** Whether the navigation entry `href` covers `now`. */
function here(now: string, href: string): boolean {
  if (href === "/") return now === "/";
  return now === href || now.startsWith(`${href}/`) || (href === "/bundles" && now.startsWith("/jobs/"));
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0d3b45" />
      <rect x="6" y="18" width="6" height="8" rx="1.5" fill="#3f8fb5" />
      <rect x="13" y="12" width="6" height="14" rx="1.5" fill="#35b779" />
      <rect x="20" y="6" width="6" height="20" rx="1.5" fill="#fde725" />
    </svg>
  );
}

function View({ route, id }: { route: Route; id: string }) {
  const [, arrived] = useState(0);
  const [failed, setFailed] = useState(false);
  const view = VIEWS[route.title];
  const Loaded = view.component ?? loaded.get(route);
  useEffect(() => {
    document.title = `${route.title} · Backfleet`;
    if (view.load && !loaded.has(route)) {
      view.load().then(
        (found) => {
          loaded.set(route, found);
          arrived((times) => times + 1);
        },
        () => setFailed(true),
      );
    }
    // A reader of the screen hears the new view; the first one is read anyway.
    if (!firstView) document.getElementById("main")?.focus({ preventScroll: true });
    firstView = false;
  }, [route]);
  if (Loaded) return <Loaded id={id} />;
  if (!failed) return <Skeleton lines={8} />;
  return (
    <Empty title="This part of the page could not be loaded">
      The server is away, or it has a newer page than this one. <a href={path.value} data-outside>Load the page again</a>.
    </Empty>
  );
}

function Nowhere() {
  return (
    <Empty title="There is nothing at this address">
      <code>{path.value}</code> is no view of this page. <a href="/bundles">All bundles</a>
    </Empty>
  );
}
