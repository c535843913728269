/** Every colour that text is written in can be read on every colour that is behind text, in light and in dark. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from '@jest/globals';

const css = readFileSync(path.join(import.meta.dirname, 'tokens.css'), 'utf8');
const [light, dark] = Array.from(css.matchAll(/^:root.*\{([^}]*)\}/gm), ([, block]) =>
  Object.fromEntries(
    Array.from(block!.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g), ([, name, color]) => [name!, color!]),
  ),
) as [Record<string, string>, Record<string, string>];

const papers = ['paper', 'rail', 'hover'];
const inks = ['ink', 'muted', 'available', 'held', 'sold', 'refused'];
const contrastMin = 4.5;

it.each([
  ['light', light],
  ['dark', dark],
])('in %s', (_, tokens) => {
  for (const paper of papers) {
    for (const ink of inks) {
      const contrast = contrastOf(tokens[paper]!, tokens[ink]!);
      expect({ paper, ink, contrast, enough: contrast >= contrastMin }).toMatchObject({ enough: true });
    }
  }
});

/** As WCAG 2 defines it. */
function contrastOf(one: string, other: string): number {
  const [brighter, darker] = [luminance(one), luminance(other)].sort((left, right) => right - left) as [
    number,
    number,
  ];
  return (brighter + 0.05) / (darker + 0.05);
}

function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
