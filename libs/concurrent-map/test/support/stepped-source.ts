/**
 * The real code of the shared map, made to stop before every atomic operation.
 *
 * The sources are parsed, every function that reaches an atomic becomes a generator, every call of one a `yield*`, and
 * every `Atomics.x(...)` and `peek(...)` yields what it is about to touch before it does so. Nothing else changes, so
 * what the explorer steps through is what production runs, and production pays nothing for it. A planted bug is an
 * edit of the source text before that.
 */
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** What a thread is about to do: an atomic operation on `bytes` bytes of the shared buffer. */
export type Step = { readonly operation: string; readonly at: number; readonly bytes: number };

/** An operation of the map, stepped: yields before each atomic, returns what the method returns. */
export type Stepped<T> = Generator<Step, T, undefined>;

/** A textual edit of one source file, by which a bug is planted. */
export type Edit = { readonly file: string; readonly find: string; readonly put: string };

/** The transformed library: a class and the few functions that tests call. */
export type SteppedLibrary = {
  /** Whether `Map` takes int64 values. */
  readonly wide: boolean;
  readonly Map: new (buffer: SharedArrayBuffer, hash?: (key: string) => number) => SteppedMap;
  readonly geometryOf: (options: object) => object;
  readonly layOut: (geometry: object) => SharedArrayBuffer;
};

export type SteppedMap = Record<string, (...args: never[]) => Stepped<unknown>>;

const root = new URL('../../src/', import.meta.url);
/** In the order of their imports: they end up in one scope. */
const files = [
  'errors.ts',
  'shared/layout.ts',
  'shared/memory.ts',
  'shared/hash.ts',
  'shared/guards.ts',
  'shared/records.ts',
  'shared/index-table.ts',
  'shared/rebuild.ts',
  'shared/capacity.ts',
  'shared/intern-cache.ts',
  'shared/directory.ts',
  'shared/shared-map.ts',
  'shared-concurrent-map.ts',
  'shared-concurrent-int64-map.ts',
];
/** Everything so small that a few steps meet it: batches of two slots, two guards. */
const small: readonly Edit[] = [
  // Every read a step, also where a plain one would do.
  { file: 'shared/memory.ts', find: '= isTrusted()', put: '= false' },
  { file: 'shared/layout.ts', find: 'batchSlots: 128', put: 'batchSlots: 2' },
  { file: 'shared/layout.ts', find: 'guards: 128', put: 'guards: 2' },
];
/** Classes by the names under which others hold their instances. */
const receivers: Record<string, string> = {
  memory: 'SharedMemory',
  records: 'Records',
  index: 'IndexTable',
  rebuilder: 'Rebuilder',
  capacity: 'Capacity',
  guards: 'Guards',
  directory: 'Directory',
};
const prelude = `
  function* $step(operation, array, index, ...rest) {
    yield { operation, at: index * array.BYTES_PER_ELEMENT, bytes: array.BYTES_PER_ELEMENT };
    return operation === 'peek' ? array[index] : Atomics[operation](array, index, ...rest);
  }`;

export function steppedLibrary(edits: readonly Edit[] = [], wide = false): SteppedLibrary {
  const sources = files.map((file) => parse(file, [...small, ...edits]));
  const stepping = steppingNames(sources);
  const printer = ts.createPrinter();
  const text = sources
    .map((source) => printer.printFile(ts.transform(source, [transformer(stepping)]).transformed[0]!))
    .join('\n');
  const options = { target: ts.ScriptTarget.ES2024, module: ts.ModuleKind.ESNext };
  const body = ts
    .transpileModule(text, { compilerOptions: options })
    .outputText.replaceAll(/^export \{\};$/gm, '');
  // eslint-disable-next-line typescript/no-implied-eval -- it is our own source
  const library = new Function(
    'wide',
    `${prelude}\n${body}
    return { wide, Map: wide ? SharedConcurrentInt64Map : SharedConcurrentMap, geometryOf, layOut };`,
  );
  return library(wide) as SteppedLibrary;
}

function parse(file: string, edits: readonly Edit[]): ts.SourceFile {
  let text = readFileSync(new URL(file, root), 'utf8');
  for (const edit of edits.filter((edit) => edit.file === file)) {
    if (text.split(edit.find).length !== 2) throw new Error(`${file}: not exactly once: ${edit.find}`);
    text = text.replace(edit.find, () => edit.put);
  }
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2024, true);
}

type Callable = ts.FunctionDeclaration | ts.MethodDeclaration | ts.GetAccessorDeclaration | ts.ArrowFunction;

const isCallable = (node: ts.Node): node is Callable =>
  ts.isFunctionDeclaration(node) ||
  (ts.isMethodDeclaration(node) && node.body !== undefined) ||
  ts.isGetAccessorDeclaration(node) ||
  ts.isArrowFunction(node);

/** `Class.method`, or the bare name of a function. */
function nameOf(node: Callable): string {
  if (ts.isArrowFunction(node)) return '=>';
  const owner = ts.isClassDeclaration(node.parent) ? `${node.parent.name!.text}.` : '';
  return owner + node.name!.getText();
}

function calleeOf(node: ts.CallExpression): string | undefined {
  const { expression } = node;
  const classOf = (from: ts.Node): string => {
    let at = from;
    while (!ts.isClassDeclaration(at) && !ts.isSourceFile(at)) at = at.parent;
    return ts.isClassDeclaration(at) ? at.name!.text : '';
  };
  if (ts.isIdentifier(expression)) {
    return expression.text === 'visit' ? `${classOf(node)}.visit()` : expression.text;
  }
  if (!ts.isPropertyAccessExpression(expression)) return undefined;
  const { expression: receiver, name } = expression;
  if (receiver.kind === ts.SyntaxKind.ThisKeyword) return `${classOf(node)}.${name.text}`;
  const held = ts.isIdentifier(receiver)
    ? receiver.text
    : ts.isPropertyAccessExpression(receiver) && receiver.name.text;
  return held !== false && held in receivers ? `${receivers[held]}.${name.text}` : undefined;
}

function isAtomic(node: ts.Node): node is ts.CallExpression {
  if (!ts.isCallExpression(node)) return false;
  const { expression } = node;
  if (ts.isIdentifier(expression)) return expression.text === 'peek';
  return ts.isPropertyAccessExpression(expression) && expression.expression.getText() === 'Atomics';
}

/** Everything that reaches an atomic operation, directly or through others. The header is written before anyone steps. */
function steppingNames(sources: readonly ts.SourceFile[]): Set<string> {
  // Without a body to look into: what is handed in, and what the maps fill in.
  const stepping = new Set(['IndexTable.visit()', 'SharedMap.swap', 'SharedMap.loadAndDelete']);
  const reaches = (node: ts.Node): boolean =>
    isAtomic(node) ||
    (ts.isCallExpression(node) && stepping.has(calleeOf(node) ?? '')) ||
    ts.forEachChild(node, (child) => (reaches(child) ? true : undefined)) === true;
  const visit = (node: ts.Node): void => {
    if (isCallable(node) && !ts.isArrowFunction(node) && node.body && reaches(node.body))
      stepping.add(nameOf(node));
    ts.forEachChild(node, visit);
  };
  for (let before = 0; before !== stepping.size;) {
    before = stepping.size;
    for (const source of sources.filter((source) => source.fileName !== 'shared/layout.ts')) visit(source);
  }
  stepping.delete('peek');
  return stepping;
}

function transformer(stepping: ReadonlySet<string>): ts.TransformerFactory<ts.SourceFile> {
  return (context) => (source) => {
    if (source.fileName === 'shared/layout.ts') return ts.visitEachChild(source, withoutModules, context);
    const visit = (node: ts.Node): ts.Node | undefined => {
      if (withoutModules(node) === undefined) return undefined;
      if (isAtomic(node)) return atomicStep(node, ts.visitEachChild(node, visit, context));
      if (ts.isCallExpression(node) && stepping.has(calleeOf(node) ?? '')) {
        return parenthesizedYield(ts.visitEachChild(node, visit, context));
      }
      if (ts.isArrowFunction(node) && /\bAtomics\./.test(node.body.getText())) {
        return generatorOf(ts.visitEachChild(node, visit, context));
      }
      const inner = ts.visitEachChild(node, visit, context);
      return isCallable(node) && stepping.has(nameOf(node)) ? asGenerator(inner) : withoutModules(inner);
    };
    return ts.visitEachChild(source, visit, context);
  };
}

const { factory } = ts;
const star = (): ts.AsteriskToken => factory.createToken(ts.SyntaxKind.AsteriskToken);

const parenthesizedYield = (call: ts.Expression): ts.Expression =>
  factory.createParenthesizedExpression(factory.createYieldExpression(star(), call));

function atomicStep(original: ts.CallExpression, visited: ts.CallExpression): ts.Expression {
  const { expression } = original;
  const operation = ts.isPropertyAccessExpression(expression) ? expression.name.text : 'peek';
  const name = factory.createStringLiteral(operation);
  return parenthesizedYield(
    factory.createCallExpression(factory.createIdentifier('$step'), undefined, [name, ...visited.arguments]),
  );
}

function generatorOf(arrow: ts.ArrowFunction): ts.Expression {
  const body = ts.isBlock(arrow.body)
    ? arrow.body
    : factory.createBlock([factory.createReturnStatement(arrow.body)]);
  const plain = factory.createFunctionExpression(
    [],
    star(),
    undefined,
    [],
    arrow.parameters,
    undefined,
    body,
  );
  const bind = factory.createPropertyAccessExpression(factory.createParenthesizedExpression(plain), 'bind');
  return factory.createCallExpression(bind, undefined, [factory.createThis()]);
}

function asGenerator(node: ts.Node): ts.Node {
  if (ts.isFunctionDeclaration(node)) {
    return factory.createFunctionDeclaration(
      [],
      star(),
      node.name,
      [],
      node.parameters,
      undefined,
      node.body,
    );
  }
  const method = node as ts.MethodDeclaration;
  return factory.createMethodDeclaration(
    [],
    star(),
    method.name,
    undefined,
    [],
    method.parameters,
    undefined,
    method.body,
  );
}

/** Drops imports, and `export` from what is left: all files end up in one scope. */
function withoutModules(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return undefined;
  if (node.kind === ts.SyntaxKind.ExportKeyword) return undefined;
  if (!ts.isVariableStatement(node) && !ts.isFunctionDeclaration(node) && !ts.isClassDeclaration(node))
    return node;
  return ts.visitEachChild(
    node,
    (child) => (child.kind === ts.SyntaxKind.ExportKeyword ? undefined : child),
    undefined,
  );
}
