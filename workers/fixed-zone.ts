/*
 * Imported first by every process of ours: zone and locale are the same wherever it runs, here and in what it starts.
 * User code cannot ask for them, but a text of a time without a zone is read by them.
 */
process.env.TZ = 'UTC'
process.env.LC_ALL = 'C.UTF-8'
