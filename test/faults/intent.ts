/** What buyers ask for, and what they were promised. */
export type Line = { readonly sku: string; readonly quantity: number };
export type Status =
  | 'held'
  | 'paying'
  | 'released'
  | 'expired'
  | 'late-paid'
  | 'refund-due'
  | 'refunded'
  | 'confirmed'
  | 'cancelled';
export type Change = 'release' | 'confirm' | 'extend' | 'pay' | 'cancel';

export type Intent = { readonly key: string } & (
  | {
      readonly kind: 'reserve';
      readonly buyerId: string;
      readonly lines: readonly Line[];
      readonly ttlSeconds?: number;
    }
  | { readonly kind: 'extend'; readonly of: Acknowledged; readonly ttlSeconds: number }
  | { readonly kind: 'release' | 'confirm' | 'cancel'; readonly of: Acknowledged }
  | { readonly kind: 'pay'; readonly of: Acknowledged; readonly cents: number }
  | { readonly kind: 'adjust'; readonly sku: string; readonly delta: number }
);

/** A reservation that was acknowledged, and the last that was said about it. */
export type Acknowledged = {
  readonly id: string;
  readonly intent: Intent;
  readonly answer: string;
  readonly lines: readonly Line[];
  status: Status;
  expiresAtMs: number;
  /** Of the payment that was last acknowledged: until when it keeps the units. */
  payingUntilMs: number;
  /** The payments that were acknowledged, the last one last. */
  readonly payments: string[];
  orderId: string | null;
  /** Asked for and not answered: may have happened, or may yet. */
  readonly open: Set<Change>;
  /** Looked at in the ledger since it last changed. */
  checked: boolean;
};
