// The page: head, one of three views chosen by the address, foot.
import 'uplot/dist/uPlot.min.css';
import './style/tokens.css';
import './style/base.css';
import './style/inbox.css';
import './style/detail.css';
import './style/flame.css';
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock } from './format';
import { useLinkState, useRoute } from './hooks';
import { Inbox } from './inbox';
import { IncidentPage } from './incident';
import { formatRoute, type Route } from './route';
import { ServicePage } from './service';
import { chooseTheme, themeChoice, type ThemeChoice } from './theme';

function App() {
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  const place = route.page === 'inbox' ? 'inbox' : formatRoute(route);
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    main.current?.focus({ preventScroll: true }); // a screen reader goes on reading in the new view
    scrollTo(0, 0);
  }, [place]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to content</a>
      <Head />
      <main id="main" ref={main} tabIndex={-1}>
        <View route={route} />
      </main>
      <footer class="foot">
        <span>Memory leaks in running services, and their cause.</span>
        <a href="licenses.txt">Licences</a>
      </footer>
    </>
  );
}

function View({ route }: { route: Route }) {
  if (route.page === 'incident') return <IncidentPage key={route.id} id={route.id} />;
  if (route.page === 'service') return <ServicePage key={route.service} service={route.service} />;
  return <Inbox route={route} />;
}

function Head() {
  return (
    <header class="head">
      <a class="brand" href="#/">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect width="32" height="32" rx="7" />
          <path d="M5 22c3 0 3-2 5.5-2s2.500 2 5.500 2 3-2 5.500-2 2.500 2 5.500 2M7 15h18M11 9h14" />
        </svg>
        Tidemark
      </a>
      <span class="stretch" />
      <LinkState />
      <ThemeButton />
    </header>
  );
}

function LinkState() {
  const { isUp, lastAnswer } = useLinkState();
  const text = isUp ? 'Live' : lastAnswer > 0 ? `No answer; data of ${clock(lastAnswer, Date.now())}` : 'No answer';
  return (
    <span class={`link-state ${isUp ? 'up' : 'down'}`} role="status">
      <span class="dot" aria-hidden="true" />{text}
    </span>
  );
}

const kNextTheme: Record<ThemeChoice, ThemeChoice> = { auto: 'light', light: 'dark', dark: 'auto' };

function ThemeButton() {
  const [choice, setChoice] = useState(themeChoice());
  const next = () => {
    chooseTheme(kNextTheme[choice]);
    setChoice(kNextTheme[choice]);
  };
  return (
    <button type="button" class="theme" onClick={next} aria-label={`Theme: ${choice}. Change to ${kNextTheme[choice]}`}>
      Theme: {choice}
    </button>
  );
}

render(<App />, document.getElementById('app')!);
