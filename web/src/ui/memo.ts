// A component that is drawn again only when one of its properties is another.

import type { ComponentChild, FunctionComponent } from "preact";
import { Component, h } from "preact";

export function memo<P extends object>(draw: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const before = this.props as Record<string, unknown>;
      return Object.entries(next).some(([name, value]) => before[name] !== value);
    }
    override render(): ComponentChild {
      return h(draw, this.props as never);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}
