// Loaded into the service by `npm start`: close as on SIGTERM when the process that started it has gone without a word, or
// when its terminal was closed.
const close = () => process.kill(process.pid, 'SIGTERM');
process.once('disconnect', close);
process.once('SIGHUP', close);
process.channel?.unref();
