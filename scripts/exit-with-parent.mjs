// Loaded into the service by `npm start`: shut down as on SIGTERM when the parent process is gone, or when the terminal was
// closed.
const close = () => process.kill(process.pid, 'SIGTERM');
process.once('disconnect', close);
process.once('SIGHUP', close);
process.channel?.unref();
