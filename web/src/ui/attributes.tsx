// Attributes as a table, and JSON in color.

import type { JSX } from "preact";
import { Fragment } from "preact";
import { useMemo, useState } from "preact/hooks";

import type { Attribute } from "../lib/api.ts";
import { condition, joined } from "../lib/filterline.ts";
import { plain } from "../lib/text.ts";
import { raw, shown, sorted, tokens } from "../lib/value.ts";
import { Copy, Folded, Icon, Text, spelt } from "./bits.tsx";
import { nav } from "./nav.ts";

/** Characters of a value that are shown at first. */
const MOST = 1200;
/** Characters of JSON that are tinted; what is longer is plain. */
const TINTED = 60_000;

export function Attributes({ attributes, what }: { attributes: readonly Attribute[]; what: string }): JSX.Element {
  const [wanted, setWanted] = useState("");
  const all = useMemo(() => sorted(attributes), [attributes]);
  const needle = wanted.trim().toLowerCase();
  const held =
    needle === "" ? all : all.filter(({ key, value }) => key.toLowerCase().includes(needle) || raw(value).toLowerCase().includes(needle));
  if (all.length === 0) return <p class="note">There are no {what}.</p>;
  return (
    <div class="attributes">
      {all.length > 6 && (
        <input
          class="narrow"
          type="search"
          aria-label={`Filter the ${what}`}
          placeholder={`Filter ${all.length} ${what}`}
          spellcheck={false}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") {
              setWanted("");
              event.currentTarget.blur();
              event.stopPropagation();
            }
          }}
        />
      )}
      <table>
        <tbody>
          {held.map((attribute, place) => (
            <AttributeRow key={`${attribute.key}/${place}`} attribute={attribute} />
          ))}
        </tbody>
      </table>
      {held.length === 0 && <p class="note">None holds “{plain(wanted)}”.</p>}
    </div>
  );
}

function AttributeRow({ attribute }: { attribute: Attribute }): JSX.Element {
  const { kind, text } = shown(attribute.value);
  const filter = condition(attribute);
  return (
    <tr>
      <th scope="row">
        <Key text={attribute.key} />
      </th>
      <td class={`v-${kind}`}>
        {kind === "json" ? (
          <Json text={text} />
        ) : (
          <Folded text={text} most={MOST}>
            {(part) => <Text text={part} lines />}
          </Folded>
        )}
      </td>
      <td class="acts">
        {filter !== null && (
          <button
            type="button"
            class="copy bare"
            title="Traces with this value"
            aria-label={`Traces where ${plain(attribute.key)} has this value`}
            onClick={() => nav.go({ view: "list" }, { ...nav.route.selection, filter: joined(nav.route.selection.filter, filter) })}
          >
            <Icon name="funnel" />
          </button>
        )}
        <Copy text={() => raw(attribute.value)} label="Copy the value" />
      </td>
    </tr>
  );
}

/** A key that may break behind its dots. */
function Key({ text }: { text: string }): JSX.Element {
  return (
    <span class="t">
      {text.split(/(?<=[._/:-])/).map((part, place) => (
        <Fragment key={place}>
          {place > 0 && <wbr />}
          {spelt(part)}
        </Fragment>
      ))}
    </span>
  );
}

/** Indented JSON. */
export function Json({ text, lines = 60 }: { text: string; lines?: number }): JSX.Element {
  return (
    <pre class="code">
      <Folded text={text} most={6000} lines={lines}>
        {(part) =>
          part.length > TINTED ? (
            <Text text={part} lines />
          ) : (
            tokens(part).map((token, place) => (
              <span key={place} class={`j-${token.kind}`}>
                {spelt(token.text, true)}
              </span>
            ))
          )
        }
      </Folded>
    </pre>
  );
}
