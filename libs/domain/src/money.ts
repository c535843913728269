/** An amount as it is charged and settled: integer minor units of a currency, never a fraction. */
export type Money = {
  /** Minor units of the currency: cents, yen, fils. A safe integer; negative where money leaves us. */
  readonly value: number;
  /** ISO 4217, three capitals. */
  readonly currency: string;
};
