/** The order service as Nest sees it: controllers over use cases that are handed in. */
import { type DynamicModule, Module } from '@nestjs/common';
import { Cursors, type Logger, type Metrics, systemRandom, type Timers } from '#platform';
import { AuditController } from './operations/audit.controller.js';
import { ConsoleController, type ConsoleSettings } from './console/console.controller.js';
import { Idempotent } from './http/idempotent.js';
import { OperationsController } from './operations/operations.controller.js';
import { OrdersController } from './orders/orders.controller.js';
import { PaymentsController } from './payments/payments.controller.js';
import { DiscrepanciesController } from './reconciliation/discrepancies.controller.js';
import { ReconciliationsController } from './reconciliation/reconciliations.controller.js';
import { ReservationsController } from './reservations/reservations.controller.js';
import type { Services } from './services.js';
import { StockController } from './stock/stock.controller.js';
import { SimulationEvents } from './simulations/simulation-events.js';
import { SimulationsController } from './simulations/simulations.controller.js';
import { StockEvents } from './stock/stock-events.js';
import {
  AUDIT,
  CONCLUDE,
  RECONCILIATION,
  CONSOLE_SETTINGS,
  METRICS,
  ORDERS,
  PAYMENTS,
  PROBES,
  RESERVATIONS,
  SIMULATIONS,
  STOCK,
  TIMERS,
} from './tokens.js';

export type AppParts = {
  readonly services: Services;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly timers: Timers;
  readonly console: ConsoleSettings;
};

@Module({})
export class AppModule {
  static of({ services, logger, metrics, timers, console }: AppParts): DynamicModule {
    return {
      module: AppModule,
      controllers: [
        ReservationsController,
        StockController,
        OrdersController,
        PaymentsController,
        AuditController,
        SimulationsController,
        ReconciliationsController,
        DiscrepanciesController,
        OperationsController,
        ConsoleController,
      ],
      providers: [
        { provide: RESERVATIONS, useValue: services.reservations },
        { provide: STOCK, useValue: services.stock },
        { provide: ORDERS, useValue: services.orders },
        { provide: PAYMENTS, useValue: services.payments },
        { provide: AUDIT, useValue: services.audit },
        { provide: SIMULATIONS, useValue: services.simulations },
        { provide: SimulationEvents, useValue: new SimulationEvents(services.simulations) },
        { provide: RECONCILIATION, useValue: services.reconciliation },
        { provide: CONCLUDE, useValue: services.conclude },
        { provide: PROBES, useValue: services.probes },
        { provide: METRICS, useValue: metrics },
        { provide: TIMERS, useValue: timers },
        { provide: CONSOLE_SETTINGS, useValue: console },
        { provide: Idempotent, useValue: new Idempotent(services.idempotency) },
        { provide: Cursors, useValue: new Cursors(services.cursorSecret, systemRandom) },
        { provide: StockEvents, useValue: new StockEvents(services.stock, timers, logger) },
      ],
    };
  }
}
