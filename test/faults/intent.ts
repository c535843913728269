/** What buyers ask for, and what they were promised. */
export type Line = { readonly sku: string; readonly quantity: number };
export type Status = 'held' | 'released' | 'expired' | 'confirmed' | 'cancelled';
export type Change = 'release' | 'confirm' | 'extend' | 'cancel';

export type Intent = { readonly key: string } & (
  | {
      readonly kind: 'reserve';
      readonly buyerId: string;
      readonly lines: readonly Line[];
      readonly ttlSeconds?: number;
    }
  | { readonly kind: 'extend'; readonly of: Acknowledged; readonly ttlSeconds: number }
  | { readonly kind: 'release' | 'confirm' | 'cancel'; readonly of: Acknowledged }
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
  orderId: string | null;
  /** Asked for and not answered: may have happened, or may yet. */
  readonly open: Set<Change>;
  /** Looked at in the ledger since it last changed. */
  checked: boolean;
};
