/* SPDX-License-Identifier: MIT */
/* Runs a classic BPF program over the data of one system call, as seccomp(2) does. */
#include "config.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "preload/filter.h"

#ifndef SECCOMP_RET_KILL_PROCESS /* Linux 4.14 */
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#endif
#ifndef SECCOMP_RET_LOG /* Linux 4.14 */
#define SECCOMP_RET_LOG 0x7ffc0000u
#endif
#ifndef SECCOMP_RET_ACTION_FULL
#define SECCOMP_RET_ACTION_FULL 0xffff0000u
#endif

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__i386__)
#define ARCHITECTURE AUDIT_ARCH_I386
#else
#define ARCHITECTURE 0 /* what such a filter says is not to be relied on */
#endif

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t load_word(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word = 0;

	if (offset % 4 == 0 && offset < sizeof(*data))
		memcpy(&word, (const char *)data + offset, sizeof(word));
	return word;
}

/* False where the kernel would not have taken the program. */
static bool calculate(struct machine *m, uint16_t code, uint32_t k)
{
	const uint32_t operand = BPF_SRC(code) == BPF_X ? m->x : k;

	switch (BPF_OP(code)) {
	case BPF_ADD:
		m->a += operand;
		return true;
	case BPF_SUB:
		m->a -= operand;
		return true;
	case BPF_MUL:
		m->a *= operand;
		return true;
	case BPF_DIV:
		if (operand)
			m->a /= operand;
		return operand;
	case BPF_AND:
		m->a &= operand;
		return true;
	case BPF_OR:
		m->a |= operand;
		return true;
	case BPF_XOR:
		m->a ^= operand;
		return true;
	case BPF_LSH:
		m->a = operand < 32 ? m->a << operand : 0;
		return true;
	case BPF_RSH:
		m->a = operand < 32 ? m->a >> operand : 0;
		return true;
	case BPF_NEG:
		m->a = 0 - m->a;
		return true;
	default:
		return false;
	}
}

static bool is_taken(const struct machine *m, uint16_t code, uint32_t k)
{
	const uint32_t operand = BPF_SRC(code) == BPF_X ? m->x : k;

	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return m->a == operand;
	case BPF_JGT:
		return m->a > operand;
	case BPF_JGE:
		return m->a >= operand;
	case BPF_JSET:
		return m->a & operand;
	default:
		return false;
	}
}

static bool load(struct machine *m, const struct sock_filter *i, const struct seccomp_data *data)
{
	uint32_t value;

	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		value = load_word(data, i->k);
		break;
	case BPF_LEN:
		value = sizeof(*data);
		break;
	case BPF_IMM:
		value = i->k;
		break;
	case BPF_MEM:
		if (i->k >= BPF_MEMWORDS)
			return false;
		value = m->memory[i->k];
		break;
	default:
		return false;
	}
	*(BPF_CLASS(i->code) == BPF_LD ? &m->a : &m->x) = value;
	return true;
}

static bool store(struct machine *m, const struct sock_filter *i)
{
	if (i->k >= BPF_MEMWORDS)
		return false;
	m->memory[i->k] = BPF_CLASS(i->code) == BPF_ST ? m->a : m->x;
	return true;
}

/* One instruction that neither jumps nor ends. */
static bool step(struct machine *m, const struct sock_filter *i, const struct seccomp_data *data)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
	case BPF_LDX:
		return load(m, i, data);
	case BPF_ST:
	case BPF_STX:
		return store(m, i);
	case BPF_ALU:
		return calculate(m, i->code, i->k);
	case BPF_MISC:
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
		return true;
	default:
		return false;
	}
}

static uint32_t run(const struct sock_filter *code, size_t length, const struct seccomp_data *data)
{
	struct machine m = {0};

	for (size_t at = 0; at < length; at++) {
		const struct sock_filter *i = &code[at];

		if (BPF_CLASS(i->code) == BPF_RET)
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		if (BPF_CLASS(i->code) == BPF_JMP && BPF_OP(i->code) == BPF_JA)
			at = i->k < length ? at + i->k : length;
		else if (BPF_CLASS(i->code) == BPF_JMP)
			at += is_taken(&m, i->code, i->k) ? i->jt : i->jf;
		else if (!step(&m, i, data))
			break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}

uint32_t filter_run(const struct sock_filter *code, size_t length, const struct filter_call *call)
{
	struct seccomp_data data = {.nr = (int)call->number, .arch = ARCHITECTURE};

	for (size_t i = 0; i < sizeof(call->arguments) / sizeof(*call->arguments); i++)
		data.args[i] = call->arguments[i];
	return run(code, length, &data);
}

bool filter_allows(const struct sock_filter *code, size_t length, const struct filter_call *call)
{
	const uint32_t action = filter_run(code, length, call) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

/* A tracer, too, answers by an error or not at all; where there is none, that is ENOSYS. */
bool filter_bears(const struct sock_filter *code, size_t length, const struct filter_call *call)
{
	const uint32_t action = filter_run(code, length, call) & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG ||
	       action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE;
}
