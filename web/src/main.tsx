// The entry: styles, the signals that follow the browser, and the first view.
import { render } from "preact";

import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/controls.css";
import "./styles/table.css";
import "./styles/views.css";
import { App } from "./app";
import { startClock } from "./live/clock";
import { startKeys } from "./live/keys";
import { path, startLocation } from "./routing/location";
import { routeOf } from "./routing/routes";
import { startTheme } from "./ui/theme";
import { VIEWS } from "./views/views";

const opened = routeOf(path.peek());
if (opened) VIEWS[opened.route.title].expect?.(opened.id);
startTheme();
startLocation();
startKeys();
startClock();
render(<App />, document.getElementById("app") as HTMLElement);
