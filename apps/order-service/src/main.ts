import 'reflect-metadata';
import { openServices } from './open-services.js';
import { run } from './run.js';

await run(openServices);
