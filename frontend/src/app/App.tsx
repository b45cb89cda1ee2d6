/** The whole page: theme, language, connection, and which page is shown. */
import GlobalStyles from "@mui/material/GlobalStyles";
import { ThemeProvider } from "@mui/material/styles";
import { lazy, Suspense, useEffect } from "react";
import { Redirect, Route, Switch } from "wouter";

import { keepConnected } from "../api";
import { cssVariables, MONO, ReadingContext, readingOf, SANS, theme } from "../ui";
import { LivePage } from "./LivePage";
import { NotFound } from "./NotFound";
import { SettingsContext, useSettingsState } from "./settings";

const OperationsPage = lazy(() => import("./OperationsPage"));

const variables = (
  <GlobalStyles
    styles={{
      ":root": { "--sans": SANS, "--mono": MONO, colorScheme: "light", ...cssVariables("light") },
      "[data-theme='dark']": { colorScheme: "dark", ...cssVariables("dark") },
    }}
  />
);

export function App() {
  const settings = useSettingsState();
  const { language } = settings;
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  useEffect(keepConnected, []);

  return (
    <ThemeProvider theme={theme} defaultMode="system" modeStorageKey="trackway.theme" disableTransitionOnChange>
      {variables}
      <SettingsContext value={settings}>
        <ReadingContext value={readingOf(language)}>
          <Switch>
            <Route path="/">
              <Redirect to="/live" replace />
            </Route>
            <Route path="/live" component={LivePage} />
            <Route path="/operations">
              <Suspense>
                <OperationsPage />
              </Suspense>
            </Route>
            <Route component={NotFound} />
          </Switch>
        </ReadingContext>
      </SettingsContext>
    </ThemeProvider>
  );
}
