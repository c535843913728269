/**
 * XML as small trees, one after another: the elements that `Visitor.begins` asks for are built, handed over when they
 * close, and forgotten. So memory holds one bank entry, never the file. Documents with a document type declaration are
 * refused, and no entity is ever defined: nothing expands, nothing is fetched.
 */
import { SaxesParser } from 'saxes';

import { decodeText } from '../text.js';

export type Node = {
  readonly name: string;
  readonly line: number;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
  readonly children: Node[];
  /** True: what it held was more than any bank writes, and is gone. */
  overlong: boolean;
};

export interface Visitor {
  /** An element outside any tree begins. True: build it, with all that it holds. @throws whatever ends the reading */
  begins(path: readonly string[], node: Node): boolean;
  /** An element of a tree is complete. True: leave it out of its parent. */
  closes(path: readonly string[], node: Node): boolean;
  /** An element outside any tree ends. */
  ends(path: readonly string[]): void;
}

const depthMax = 64;
const weightMax = 1_048_576;
const pieceLength = 65_536;
/** So much without an element beginning or ending is one endless text. */
const silenceMax = 2_097_152;

export class XmlError extends Error {
  override readonly name = 'XmlError';
  constructor(
    readonly line: number,
    message: string,
  ) {
    super(message);
  }
}

export class XmlNodes {
  private readonly parser = new SaxesParser({
    xmlns: false,
    position: true,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  private readonly path: string[] = [];
  private readonly tree: Node[] = [];
  /** What the tree holds, and what it held when each of its open elements began. */
  private weight = 0;
  private readonly weights: number[] = [];
  private silence = 0;
  private closed = false;

  constructor(private readonly visitor: Visitor) {
    this.parser.on('error', (error) => {
      if (!this.closed) throw this.error(error.message.replace(/^\d+:\d+: |\.$/g, ''));
    });
    this.parser.on('doctype', () => {
      throw this.error('document type declarations are refused');
    });
    this.parser.on('opentag', (tag) => this.open(tag.name, tag.attributes));
    this.parser.on('text', (text) => this.addText(text));
    this.parser.on('cdata', (text) => this.addText(text));
    this.parser.on('closetag', () => this.close());
  }

  /** Pieces of a bounded length, for a caller that takes what the visitor collected after each. */
  *push(text: string): Generator<void, void, undefined> {
    for (let at = 0; at < text.length; at += pieceLength) {
      this.silence += Math.min(pieceLength, text.length - at);
      if (this.silence > silenceMax) throw this.error('a text is longer than any bank writes');
      if (!this.closed) this.parser.write(text.slice(at, at + pieceLength));
      yield;
    }
  }

  /** @throws XmlError the document is not complete */
  end(): void {
    if (this.closed) return;
    this.parser.close();
    throw this.error('the document is cut off');
  }

  private open(qualifiedName: string, attributes: Readonly<Record<string, string>>): void {
    this.silence = 0;
    const name = qualifiedName.slice(qualifiedName.indexOf(':') + 1);
    this.path.push(name);
    if (this.path.length > depthMax) throw this.error('elements are nested deeper than any bank does');
    const node: Node = { name, line: this.parser.line, attributes, text: '', children: [], overlong: false };
    const parent = this.tree.at(-1);
    if (parent === undefined) {
      this.weight = 0;
      if (this.visitor.begins(this.path, node)) this.grow(node);
      return;
    }
    this.grow(node);
    this.weigh(Object.values(attributes).reduce((sum, value) => sum + value.length, name.length));
  }

  private grow(node: Node): void {
    this.tree.push(node);
    this.weights.push(this.weight);
  }

  private addText(text: string): void {
    const node = this.tree.at(-1);
    if (node === undefined) return;
    this.weigh(text.length);
    if (!this.isOverlong) node.text += text;
  }

  private close(): void {
    this.silence = 0;
    const node = this.tree.pop();
    const weightBefore = this.weights.pop() ?? 0;
    if (node === undefined) {
      this.visitor.ends(this.path);
    } else {
      node.text = decodeText(node.text).trim();
      const handedOver = this.visitor.closes(this.path, node);
      const parent = this.tree.at(-1);
      if (handedOver) this.weight = weightBefore;
      else if (parent !== undefined && !this.isOverlong) parent.children.push(node);
    }
    this.path.pop();
    this.closed = this.path.length === 0;
  }

  private get isOverlong(): boolean {
    return this.tree[0]?.overlong === true;
  }

  private weigh(more: number): void {
    this.weight += more;
    const root = this.tree[0];
    if (this.weight > weightMax && root !== undefined) root.overlong = true;
  }

  private error(message: string): XmlError {
    return new XmlError(this.parser.line, message);
  }
}

/** The first element at this path below the node. */
export function at(node: Node | undefined, ...path: readonly string[]): Node | undefined {
  let found = node;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found;
}

/** Its text; empty where there is no such element. */
export const textAt = (node: Node | undefined, ...path: readonly string[]): string =>
  at(node, ...path)?.text ?? '';

/** The tree as JSON text, one way to write it: without empty elements. */
export const jsonOf = (node: Node): string => JSON.stringify(valueOf(node));

function valueOf(node: Node): unknown {
  const attributes = Object.entries(node.attributes).filter(([name]) => !name.startsWith('xmlns'));
  if (attributes.length === 0 && node.children.length === 0) return node.text;
  const value: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, text] of attributes) value[name] = text;
  if (node.text !== '') value['#'] = node.text;
  for (const child of node.children) {
    const shown = valueOf(child);
    const before = value[child.name];
    if (before === undefined) value[child.name] = shown;
    else if (Array.isArray(before)) before.push(shown);
    else value[child.name] = [before, shown];
  }
  return value;
}
