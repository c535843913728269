/** The names under which Nest hands out what are interfaces and plain objects here. */
export const RESERVATIONS = Symbol('ReservationUseCases');
export const STOCK = Symbol('StockUseCases');
export const ORDERS = Symbol('OrderUseCases');
export const PAYMENTS = Symbol('PaymentUseCases');
export const AUDIT = Symbol('AuditUseCases');
export const PROBES = Symbol('ReadinessProbe[]');
export const METRICS = Symbol('Metrics');
export const SIMULATIONS = Symbol('Simulations');
export const TIMERS = Symbol('Timers');
export const CONSOLE_SETTINGS = Symbol('ConsoleSettings');
export const RECONCILIATION = Symbol('ReconciliationUseCases');
export const CONCLUDE = Symbol('Services.conclude');
