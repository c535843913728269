/**
 * What PayPal calls things in the languages it writes its activity downloads in, as plain names (see csv-table.ts: lower
 * case, without accents, spaces and punctuation).
 */
import type { TransactionKind } from '../../provider-transaction.js';

// prettier-ignore
export const columnNames = {
  date: ['date', 'datum', 'fecha', 'data', 'dato', 'paivamaara', 'tarih', '日付', '日期'],
  time: ['time', 'uhrzeit', 'heure', 'hora', 'ora', 'tijd', 'godzina', 'czas', 'tid', 'klokkeslaet', 'tidspunkt', '時間', '时间'],
  zone: ['timezone', 'zeitzone', 'fuseau horaire', 'zona horaria', 'huso horario', 'fuso orario', 'tijdzone', 'fuso horario',
    'strefa czasowa', 'tidszon', 'tidszone', 'tidssone', 'タイムゾーン', '时区'],
  type: ['type', 'typ', 'tipo', 'rodzaj', 'soort', 'description', 'beschreibung', 'descripcion', 'descrizione', 'omschrijving',
    'descricao', 'opis', 'beskrivning', 'beskrivelse', 'タイプ', '类型'],
  status: ['status', 'etat', 'statut', 'estado', 'stato', 'stan', 'ステータス', '状态'],
  currency: ['currency', 'wahrung', 'devise', 'divisa', 'moneda', 'valuta', 'moeda', 'waluta', '通貨', '币种'],
  gross: ['gross', 'brutto', 'brut', 'avant commission', 'bruto', 'importe bruto', 'lordo', 'valor bruto', 'kwota brutto', '合計', '总额'],
  fee: ['fee', 'fees', 'gebuhr', 'frais', 'commission', 'comision', 'tarifa', 'tariffa', 'commissione', 'kosten', 'tarief', 'taxa',
    'oplata', 'opłata', 'avgift', 'gebyr', '手数料', '费用'],
  net: ['net', 'netto', 'neto', 'importe neto', 'liquido', 'valor liquido', 'kwota netto', 'apres commission', '正味', '净额'],
  transactionId: ['transaction id', 'transaktionscode', 'transaktions id', 'numero de transaction', 'n de transaction',
    'id de transaction', 'id de transaccion', 'codigo de transaccion', 'codice transazione', 'id transazione',
    'transactiereferentie', 'transactie id', 'id da transacao', 'codigo da transacao', 'identyfikator transakcji',
    'numer transakcji', '取引id', '交易号'],
  reference: ['reference txn id', 'zugehoriger transaktionscode', 'txn referenzkennung', 'numero de la transaction de reference',
    'id de transaction de reference', 'id de referencia de trans', 'id de referencia de transaccion',
    'id de transaccion de referencia', 'codice transazione di riferimento', 'id transazione di riferimento',
    'referentie transactie', 'id da transacao de referencia', 'numer referencyjny transakcji', 'reference transaktions id'],
  impact: ['balance impact', 'auswirkung auf guthaben', 'impact sur le solde', 'efecto en el saldo', 'impacto en el saldo',
    'impatto sul saldo', 'effetto sul saldo', 'effect op saldo', 'invloed op saldo', 'impacto no saldo', 'efeito no saldo',
    'wplyw na saldo', 'wpływ na saldo', 'effekt pa saldo', 'pavirkning pa saldo'],
  invoice: ['invoice number', 'invoice id', 'rechnungsnummer', 'numero de facture', 'numero de factura', 'id de factura',
    'numero fattura', 'numero di fattura', 'factuurnummer', 'numero da fatura', 'numer faktury', 'fakturanummer'],
  custom: ['custom number', 'custom', 'individuelle nummer', 'zollnummer', 'numero personnalise', 'numero personalizado'],
  eventCode: ['transaction event code', 'transaktionsereigniscode'],
} as const;

const words = (text: string): RegExp => new RegExp(`^(?:${text.replaceAll(/\s+/g, '|')})`);

/** Nothing has moved, and never will. */
const refusedStatuses = words(
  `denied abgelehnt refuse denegad negat rifiutat geweigerd negad odrzucon nekad afvist failed fehlgeschlagen echou fallid
   nonriuscit mislukt falh cancel storniert abgebrochen annul geannuleerd anulowan expired abgelaufen expir caducad scadut
   verlopen voided removed`,
);
/** Nothing has moved yet, unless PayPal says that it already took it from the balance. */
const pendingStatuses = words(
  `pending ausstehend offen inbearbeitung enattente pendient insospeso inattesa inafwachting pendente oczekuj vantande afvent
   unclaimed nichteingelost nichtabgeholt nonreclame uncleared held onhold inprogress inreview underreview active created
   temporary`,
);
const debitImpacts = words('debit soll cargo addebito debet afschrijving obciaz');
/** Another word that is not known says nothing: then it goes by the status. */
const memoImpacts = words('memo promemoria neutral');
/** Announcements and parts of other rows, whatever their status. */
const memoTypes =
  /shoppingcartitem|warenkorbartikel|authorization|autorisierung|autorisation|autorizacion|autorizzazione|autorisatie|^order$|invoicesent|requestsent|requestreceived/;

/** Whether the row has changed the balance; all words as plain names. */
export function movesMoney(row: { status: string; impact: string; type: string; gross: number }): boolean {
  const { status, impact, type, gross } = row;
  if (refusedStatuses.test(status) || memoTypes.test(type)) return false;
  if (memoImpacts.test(impact)) return false;
  if (!pendingStatuses.test(status)) return true;
  return impact === '' ? gross < 0 && kindOfType(type, gross) === 'payout' : debitImpacts.test(impact);
}

// prettier-ignore
const kindsByType: readonly (readonly [RegExp, TransactionKind])[] = [
  [/currencyconversion|wahrungsumrechnung|conversiondedevise|conversiondedivisa|conversiondemoneda|conversione.*valut|valutaomrekening|conversaodemoeda/, 'conversion'],
  // Before disputes: what is kept back for one is not lost yet.
  [/(?<!with)hold|release|reserve|einbehalt|einbehaltung|freigabe|bloqueo|retencion|retenue|blocage|trattenut|sospensione|inhouding|vasthoud/, 'hold'],
  // What a dispute costs is lost whoever wins it; also one that is given back is a fee.
  [/^(?=.*(?:chargeback|ruckbuchung|dispute|contracargo|contestation|contestazione|litige)).*(?:fee|gebuhr|frais|comision|tarifa|commissione|tariffa)/, 'fee'],
  [/chargebackreversal|ruckbuchung.*(?:storn|aufgehoben)/, 'chargeback-reversed'],
  [/chargeback|ruckbuchung|dispute|contracargo|storno.*kreditkarte/, 'chargeback'],
  [/cancel.*refund|refund.*revers/, 'refund-failed'],
  [/refund|ruckzahlung|ruckerstattung|erstattung|rembours|reembolso|devolucion|rimborso|terugbetaling|zwrot/, 'refund'],
  [/withdraw|transferto.*bank|tobankaccount|auszahlung|abbuchung|aufbankkonto|virement|retiro|retirada|prelievo|opname|saque|wyplata/, 'payout'],
  [/reversal|adjustment|ruckgabe|storno|korrektur/, 'adjustment'],
  [/^(?:.*)(?:fee|fees|gebuhr|frais|comision|tariffa|commissione)$/, 'fee'],
  [/payment|checkout|zahlung|paiement|pago|pagamento|betaling|platnosc|subscription|purchase|donation|kauf|einkauf/, 'charge'],
];

/** @param type its plain name */
export function kindOfType(type: string, gross: number): TransactionKind {
  const kind = kindsByType.find(([pattern]) => pattern.test(type))?.[1] ?? 'other';
  return kind === 'charge' && gross < 0 ? 'other' : kind;
}

/** PayPal's own codes, the same in every language. */
export function kindOfEvent(code: string, gross: number): TransactionKind | null {
  if (code.startsWith('T00')) return gross < 0 ? 'other' : 'charge';
  if (code.startsWith('T01')) return 'fee';
  if (code.startsWith('T02')) return 'conversion';
  if (code.startsWith('T04')) return 'payout';
  if (/^T1107|^T1114/.test(code)) return 'refund';
  if (/^T(?:15|2[01])/.test(code)) return 'hold';
  if (code.startsWith('T1201')) return 'chargeback';
  if (code.startsWith('T1202')) return 'chargeback-reversed';
  return null;
}
