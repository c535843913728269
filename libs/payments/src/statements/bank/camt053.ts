/**
 * ISO 20022 camt.053, bank to customer statement, versions 1 to 13: they rename and nest, what is read here stands in all
 * of them. Rows are entries; of a batched entry its transactions, when they have amounts that add up to the entry's.
 * CdtDbtInd is what the entry does to the account, also when RvslInd says that it reverses another one.
 */
import {
  StatementCutOffError,
  StatementFormatError,
  type StatementItem,
  type StatementReader,
} from '../../statement.js';
import { Occurrences } from '../row-identity.js';
import { describeBinary, textOf } from '../text.js';
import { CamtStatement, PageCounts } from './camt-statement.js';
import { XmlError, XmlNodes, type Node, type Visitor } from './xml-nodes.js';

export const camt053: StatementReader = {
  format: 'camt053',
  provider: 'bank',
  read: (bytes) => new CamtFile().read(bytes),
};

const envelopeDepthMax = 12;

class CamtFile implements Visitor {
  private readonly nodes = new XmlNodes(this);
  private items: StatementItem[] = [];
  private statement: CamtStatement | null = null;
  private found = false;
  private readonly before = { names: new Occurrences(), pages: new PageCounts() };

  async *read(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<StatementItem, void, undefined> {
    try {
      for await (const text of textOf(bytes)) {
        if (!this.found) refuseBinary(text);
        for (const _ of this.nodes.push(text)) yield* this.take();
      }
      if (!this.found) throw notOfTheFormat('it has no BkToCstmrStmt.');
      this.nodes.end();
    } catch (error) {
      yield* this.take();
      throw error instanceof XmlError ? this.broken(error) : error;
    }
    if (!this.found) throw notOfTheFormat('it has no BkToCstmrStmt.');
    yield* this.take();
  }

  begins(path: readonly string[], node: Node): boolean {
    if (this.found) {
      if (path.at(-2)?.startsWith('BkToCstmrStmt') === true) {
        if (node.name === 'Stmt') this.statement = new CamtStatement(node.line, this.items, this.before);
        return false;
      }
      return path.at(-2) === 'Stmt' && this.statement !== null;
    }
    refuseOtherMessages(node);
    if (path.length > envelopeDepthMax) throw notOfTheFormat('it has no BkToCstmrStmt.');
    this.found = node.name.startsWith('BkToCstmrStmt');
    return false;
  }

  closes(path: readonly string[], node: Node): boolean {
    const parent = path.at(-2);
    if (node.name === 'TxDtls' && parent === 'NtryDtls') {
      this.statement?.detail(node);
      return true;
    }
    if (node.name === 'NtryDtls' && parent === 'Ntry') return true;
    if (parent === 'Stmt') this.statement?.part(node);
    // What an entry says of itself stands before its transactions.
    else if (parent === 'Ntry') this.statement?.partOfEntry(node);
    return false;
  }

  ends(path: readonly string[]): void {
    if (path.at(-1) !== 'Stmt' || this.statement === null) return;
    this.statement.end();
    this.statement = null;
  }

  private take(): StatementItem[] {
    return this.items.splice(0);
  }

  private broken({ line, message }: XmlError): StatementFormatError | StatementCutOffError {
    if (!this.found) return notOfTheFormat(`line ${line}: ${message}.`);
    return new StatementCutOffError(line, `${message}.`);
  }
}

const notOfTheFormat = (reason: string): StatementFormatError => new StatementFormatError('camt053', reason);

function refuseBinary(text: string): void {
  const binary = describeBinary(text);
  if (binary !== null) throw notOfTheFormat(binary);
}

function refuseOtherMessages({ name, attributes }: Node): void {
  const namespaces = Object.entries(attributes).filter(([attribute]) => attribute.startsWith('xmlns'));
  const other = namespaces
    .map(([, uri]) => /(?:camt|pain|pacs)\.\d{3}/.exec(uri)?.[0])
    .find((message) => message !== undefined);
  if (name === 'Document' && other !== undefined && other !== 'camt.053') {
    throw notOfTheFormat(`it is a ${other}; a statement is a camt.053.`);
  }
}
