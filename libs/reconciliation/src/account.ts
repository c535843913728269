/** An account at a provider: what a walk, a cursor, a natural key and a report belong to. */
export type ProviderAccount = { readonly provider: string; readonly account: string };
