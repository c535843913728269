// Loaded into the service by `npm start`: when the process that started it has gone without a word, close as on SIGTERM.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
