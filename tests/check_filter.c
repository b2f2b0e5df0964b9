/* SPDX-License-Identifier: MIT */
/* The answers of seccomp filters: each instruction, and what no kernel would take. */
#include "config.h"

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "preload/filter.h"
#include "suites.h"

#define KILL 0x80000000u
#define RETURN_A BPF_STMT(BPF_RET | BPF_A, 0)

static const struct filter_call call = {SYS_madvise, {0x1122334455667788, 4096, 24}};

/* The result of a program is what is in its accumulator. */
static const struct {
	struct sock_filter code[5];
	uint32_t expected;
} programs[] = {
	{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), RETURN_A}, SYS_madvise},
	{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16 + 16), RETURN_A}, 24},
	{{BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), RETURN_A}, sizeof(struct seccomp_data)},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 4), RETURN_A}, 10},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, 4), RETURN_A}, 2},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 4), RETURN_A}, 24},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 4), RETURN_A}, 1},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RETURN_A}, KILL},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 4), RETURN_A}, 4},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, 1), RETURN_A}, 7},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 2), RETURN_A}, 4},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 2), RETURN_A}, 24},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RETURN_A}, 0},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), RETURN_A}, 3},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ALU | BPF_NEG, 0), RETURN_A}, (uint32_t)-6},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), RETURN_A}, 12},
	{{BPF_STMT(BPF_LDX | BPF_IMM, 9), BPF_STMT(BPF_MISC | BPF_TXA, 0), RETURN_A}, 9},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_ST, 15), BPF_STMT(BPF_LD | BPF_IMM, 0), BPF_STMT(BPF_LD | BPF_MEM, 15), RETURN_A}, 6},
	{{BPF_STMT(BPF_LDX | BPF_IMM, 6), BPF_STMT(BPF_STX, 3), BPF_STMT(BPF_LD | BPF_MEM, 3), RETURN_A}, 6},
	{{BPF_STMT(BPF_LD | BPF_MEM, 16), RETURN_A}, KILL},
	{{BPF_STMT(BPF_ST, 16), RETURN_A}, KILL},
	{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RETURN_A}, 0},
	{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RETURN_A}, 0},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 1, 0), BPF_STMT(BPF_RET | BPF_K, 1), RETURN_A}, 6},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 6, 1, 0), BPF_STMT(BPF_RET | BPF_K, 1), RETURN_A}, 1},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 6, 1, 0), BPF_STMT(BPF_RET | BPF_K, 1), RETURN_A}, 6},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 8, 1, 0), BPF_STMT(BPF_RET | BPF_K, 1), RETURN_A}, 1},
	{{BPF_STMT(BPF_LD | BPF_IMM, 6), BPF_STMT(BPF_JMP | BPF_JA, 1), BPF_STMT(BPF_RET | BPF_K, 1), RETURN_A}, 6},
	{{BPF_STMT(BPF_JMP | BPF_JA, 100), RETURN_A}, KILL},
	{{BPF_STMT(BPF_JMP | BPF_JA, UINT32_MAX), RETURN_A}, KILL},
};

START_TEST(results)
{
	ck_assert_uint_eq(filter_run(programs[_i].code, 5, &call), programs[_i].expected);
}
END_TEST

START_TEST(no_program)
{
	ck_assert_uint_eq(filter_run(programs[0].code, 0, &call), KILL);
	ck_assert_uint_eq(filter_run(programs[0].code, 1, &call), KILL);
}
END_TEST

static const struct {
	uint32_t action;
	bool allowed, borne;
} actions[] = {
	{SECCOMP_RET_ALLOW, true, true},
	{0x7ffc0000u /* SECCOMP_RET_LOG */, true, true},
	{SECCOMP_RET_ERRNO | 1, false, true},
	{SECCOMP_RET_TRACE | 7, false, true},
	{SECCOMP_RET_TRAP, false, false},
	{0x7fc00000u /* SECCOMP_RET_USER_NOTIF */, false, false},
	{0 /* SECCOMP_RET_KILL_THREAD */, false, false},
	{KILL, false, false},
};

START_TEST(answers)
{
	const struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, actions[_i].action)};

	ck_assert(filter_allows(code, 1, &call) == actions[_i].allowed);
	ck_assert(filter_bears(code, 1, &call) == actions[_i].borne);
}
END_TEST

Suite *filter_suite(void)
{
	Suite *s = suite_create("filter");
	TCase *t = tcase_create("filter");

	tcase_add_loop_test(t, results, 0, COUNT(programs));
	tcase_add_test(t, no_program);
	tcase_add_loop_test(t, answers, 0, COUNT(actions));
	suite_add_tcase(s, t);
	return s;
}
