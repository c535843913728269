/** Ids and names that a provider gives: no longer than any is, so that an index takes them, and text that PostgreSQL can keep. */
import { z } from 'zod';

export const providerText = (lengthMax = 255) =>
  z
    .string()
    .max(lengthMax)
    .refine((text) => !text.includes('\0'), { error: 'has a zero byte' });
