/** What crosses the wire between the service and the sandbox: the same schemas check it on both sides. */
import { z } from 'zod';
import { providerText } from '../provider-text.js';

const id = z.string().regex(/^[a-z]{2,4}_[0-9a-f]{1,64}$/);
const money = z.strictObject({ value: z.int().min(1), currency: z.string().regex(/^[A-Z]{3}$/) });
const atMs = z.int().min(0);

export const sandboxChargeRequest = z.strictObject({
  amount: money,
  /** The merchant's own id of the payment. */
  reference: z.string().min(1).max(100),
  description: z.string().max(200),
});

export const sandboxCharge = z.object({
  id,
  reference: z.string(),
  amount: money,
  status: z.enum(['pending', 'succeeded', 'failed']),
  createdAtMs: atMs,
});
export type SandboxCharge = z.infer<typeof sandboxCharge>;
export const sandboxCharges = z.object({ data: z.array(sandboxCharge) });

export const sandboxRefundRequest = z.strictObject({ charge: id, amount: money });

export const sandboxRefund = z.object({
  id,
  charge: id,
  amount: money,
  status: z.enum(['pending', 'succeeded', 'failed']),
  createdAtMs: atMs,
});
export type SandboxRefund = z.infer<typeof sandboxRefund>;

export const sandboxEvent = z.object({
  id,
  type: providerText(100),
  createdAtMs: atMs,
  charge: sandboxCharge.optional(),
  refund: sandboxRefund.optional(),
});
export type SandboxEvent = z.infer<typeof sandboxEvent>;

/** A movement on the account, as its listing has it. */
export const sandboxTransaction = z.object({
  id,
  kind: z.enum(['charge', 'refund']),
  charge: id,
  reference: z.string(),
  /** Negative where money goes back. */
  amount: z.strictObject({ value: z.int(), currency: z.string().regex(/^[A-Z]{3}$/) }),
  createdAtMs: atMs,
});
export type SandboxTransaction = z.infer<typeof sandboxTransaction>;
export const sandboxTransactions = z.object({
  data: z.array(sandboxTransaction),
  next: z.string().nullable(),
  nowMs: atMs,
});
