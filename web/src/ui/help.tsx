// The keys, on a sheet over the page.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Icon } from "./bits.tsx";
import { useKeys } from "./keys.ts";
import { about } from "./live.ts";
import { useObservable } from "./store.ts";

const GROUPS: [string, [string[], string][]][] = [
  [
    "Everywhere",
    [
      [["j", "k"], "down, up (also arrow keys)"],
      [["g", "G"], "to the top, to the end"],
      [["/"], "filter, or search in a trace"],
      [["Enter"], "open"],
      [["Esc"], "back, or close"],
      [["e"], "next error"],
      [["f"], "next flag"],
      [["y"], "copy the trace id"],
      [["1", "2"], "traces, sessions"],
      [["p"], "pause, go on"],
      [["t"], "light, dark, as the system"],
      [["?"], "this sheet"],
    ],
  ],
  [
    "In a trace",
    [
      [["h", "l"], "fold, unfold (also ← →)"],
      [["H", "L"], "fold all, unfold all"],
      [["x"], "only errors"],
      [["z"], "zoom to the span, and back"],
      [["[", "]"], "tab to the left, to the right"],
      [["n"], "next marked phrase"],
    ],
  ],
  [
    "Filter",
    [
      [["refund"], "any name or value that holds the word"],
      [["status=error"], "failed spans"],
      [["duration>2s"], "slow spans"],
      [["model~mini"], "a regular expression"],
      [["quality=Severe"], "conversations that went wrong"],
      [["!error"], "turned round: no failed span"],
    ],
  ],
];

export function Help({ close }: { close: () => void }): JSX.Element {
  useObservable(about);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  // Nothing behind the sheet hears keys.
  useKeys({ Escape: close, "?": close }, true);
  return (
    <dialog ref={dialog} class="help" aria-label="Keys" onClose={close} onClick={(event) => event.target === dialog.current && close()}>
      <div class="sheet">
        <header>
          <h2>Keys</h2>
          <button type="button" class="tool" onClick={close} aria-label="Close">
            <Icon name="close" />
          </button>
        </header>
        <div class="groups">
          {GROUPS.map(([title, lines]) => (
            <section key={title}>
              <h3>{title}</h3>
              <dl>
                {lines.map(([names, meaning]) => (
                  <div key={meaning}>
                    <dt>
                      {names.map((name) => (
                        <kbd key={name}>{name}</kbd>
                      ))}
                    </dt>
                    <dd>{meaning}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
        <footer>
          planoai {about.info?.version} · everything on this page comes from this machine and stays on it
        </footer>
      </div>
    </dialog>
  );
}
