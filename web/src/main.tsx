// The entry: styles, the signals that follow the browser, and the first view.
import { render } from "preact";

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/table.css";
import "./styles/views.css";
import { askOffers } from "./api/offers";
import { App } from "./app";
import { startClock } from "./live/clock";
import { startKeys } from "./live/keys";
import { startLocation } from "./routing/location";
import { startTheme } from "./ui/theme";

startTheme();
startLocation();
startKeys();
startClock();
render(<App />, document.getElementById("app") as HTMLElement);
// Not needed to draw anything: views that depend on it ask again.
askOffers().catch(() => undefined);
