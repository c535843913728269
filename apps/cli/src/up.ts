/**
 * `npm start` and `holdfast up`: the whole house in one process, until SIGINT or SIGTERM. The one place where apps
 * meet; each of them also runs alone, from a main.ts of its own.
 */
import 'reflect-metadata';
import { openServices, run } from '../../order-service/src/index.js';

process.exitCode = await run(openServices);
