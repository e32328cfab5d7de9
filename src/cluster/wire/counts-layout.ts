/**
 * Layout of count messages, version 1. Numbers as `Writer.number`, slots as `writeSlot`, texts with their length before them.
 *
 *     counts: 1 | 1 | number of origins | each: address, incarnation, age | records to the end
 *     record: slot | tallies, the last one marked
 *     tally:  origin × 8 + flags | taken | returned, if told | asked, if told
 *
 *     totals: 1 | 2 | leader's slot | term | age | records to the end
 *     record: slot, with the flags of a tally × 8 in its own | taken | returned, if told | asked, if told
 *
 * What is not told: returned 0, asked as many as taken.
 */
export const VERSION = 1;
export const COUNTS = 1;
export const TOTALS = 2;

export const RETURNED_TOLD = 1;
export const ASKED_TOLD = 2;
export const LAST_TALLY = 4;
/** The flags of a tally lie below this. */
export const TALLY_FLAGS = 8;

/** Most that one message holds: 4 MiB of bytes could tell ten times as much, and would then take 200 MB of memory. */
export const MAX_RECORDS = 100_000;
export const MAX_TALLIES = 400_000;
