/* SPDX-License-Identifier: MIT */
/* Standard output: no other file in its place, and no write to it that fails unsaid. */
#ifndef RAMLOCK_OUTPUT_H
#define RAMLOCK_OUTPUT_H

#include <stdio.h>

/* At the start: takes the places of those standard descriptors that are closed, so that no file that
 * is opened later becomes standard output. They are closed again for a program that is executed. */
void output_hold(void);

/* Whether all that went to a stream was written: 0, or -errno. What is flushed here fails for a reason
 * that stdio forgets; of standard output's output_close tells. */
int output_flush(FILE *to);

/* At the end, with the exit status so far. Says it when something that was printed was not written;
 * the status is then CLI_FAILED, unless it was an error already. Printing nothing never fails. */
int output_close(int status);

#endif
