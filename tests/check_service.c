/* SPDX-License-Identifier: MIT */
/* Unit tests of reading systemd units and of the drop-ins for them. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/dropin.h"
#include "cli_suites.h"

static struct service service;

static const struct {
	const char *word, *name;
} names[] = {
	{"redis", "redis.service"},
	{"redis.service", "redis.service"},
	{"a.b", "a.b.service"},
	{"getty@", "getty@.service"},
	{"getty@tty1", "getty@tty1.service"},
	{"x\\x2dy", "x\\x2dy.service"},
	{"", NULL},
	{".", NULL},
	{"..", NULL},
	{"../x", NULL},
	{"a/b", NULL},
	{"a b", NULL},
	{"a\nb", NULL},
	{"@x", NULL},
	{"-x", NULL},
	{"x.socket", NULL},
	{"x.timer", NULL},
};

START_TEST(unit_name)
{
	char name[300];

	ck_assert_int_eq(service_name(names[_i].word, name, sizeof(name)), names[_i].name != NULL);
	if (names[_i].name)
		ck_assert_str_eq(name, names[_i].name);
}
END_TEST

START_TEST(long_name)
{
	char word[400], name[300];

	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	ck_assert(!service_name(word, name, sizeof(name)));
	word[249] = '\0';
	ck_assert(!service_name(word, name, sizeof(name))); /* 257 with its end */
	word[247] = '\0';
	ck_assert(service_name(word, name, sizeof(name)));
}
END_TEST

static void parse(const char *text)
{
	service = (struct service){.found = true};
	service_parse(&service, text);
}

START_TEST(keys)
{
	parse("[Unit]\nUser=nobody\n[Service]\n# User=x\n;User=y\n  User = www \n"
	      "MemoryMax=1G\nMemoryMax=2G\nPrivateUsers=yes\nEnvironment=A=1 LD_PRELOAD=/a.so B=2\n"
	      "[Install]\nUser=z\n");
	ck_assert_str_eq(service.user, "www");
	ck_assert_str_eq(service.memory_max, "2G");
	ck_assert(service.private_users);
	ck_assert_str_eq(service.preload.text, "/a.so");
	ck_assert(!service_is_root(&service));
	parse("[Service]\nUser=0\n");
	ck_assert(service_is_root(&service));
	parse("[Service]\nDynamicUser=yes\n");
	ck_assert(!service_is_root(&service));
	parse("[Service]\nExecStart=/bin/a\nExecPaths=/bin\nExecReload=\n");
	ck_assert(!service.helpers);
	parse("[Service]\nExecStart=/bin/a\nExecStartPre=/bin/b\n");
	ck_assert(service.helpers);
	parse("[Service]\nEnvironment=LD_PRELOAD=/a.so\nEnvironment=\n");
	ck_assert_str_eq(service.preload.text, "");
	parse("[Service]\nExecStart=/bin/a\nExecStartPre=/bin/b\nExecStop=/bin/c\nExecStartPre=\n"
	      "ExecSearchPath=/opt\nExecStop=\n");
	ck_assert(!service.helpers);
}
END_TEST

/* Environment= has words, with quotes and backslashes. */
static const struct {
	const char *value, *preload;
} environments[] = {
	{"XLD_PRELOAD=/a.so", ""},
	{"XLD_PRELOAD=/a.so LD_PRELOAD=/b.so", "/b.so"},
	{"\"A=1 LD_PRELOAD=/a.so\"", ""},
	{"\"LD_PRELOAD=/a b.so\" A=1", "/a b.so"},
	{"'LD_PRELOAD=/a\"b.so'", "/a\"b.so"},
	{"LD_PRELOAD=\"/a.so /b.so\"", "/a.so /b.so"},
	{"LD_PRELOAD=/a\\\"b.so", "/a\"b.so"},
	{"LD_PRELOAD=%h/a.so", "%h/a.so"},
	{"LD_PRELOAD=/a.so LD_PRELOAD=", ""},
	{"\"LD_PRELOAD=/a.so", "/a.so"},
};

START_TEST(environment)
{
	char text[256];

	snprintf(text, sizeof(text), "[Service]\nEnvironment=%s\n", environments[_i].value);
	parse(text);
	ck_assert_str_eq(service.preload.text, environments[_i].preload);
}
END_TEST

static const struct {
	const char *lines;
	size_t count;
	const char *program;
	bool nothing, root;
} programs[] = {
	{"ExecStart=/bin/a b\n", 1, "/bin/a", false, false},
	{"ExecStart=@/bin/a b c\n", 1, "/bin/a", false, false},
	{"ExecStart=-:/bin/true\n", 1, "/bin/true", true, false},
	{"ExecStart=-@/bin/true a\nExecStart=true\n", 2, "/bin/true", true, false},
	{"ExecStart=/bin/true\nExecStart=/bin/a\n", 2, "/bin/true", false, false},
	{"ExecStart=/bin/true\nExecStart=\nExecStart=\"/bin/a b\" c\n", 1, "/bin/a b", false, false},
	{"ExecStart=+/bin/a\n", 1, "/bin/a", false, true},
	{"ExecStart=!!/bin/a\n", 1, "/bin/a", false, true},
	{"ExecStart=+/bin/a\nExecStart=\nExecStart=/bin/b\n", 1, "/bin/b", false, false},
	{"ExecStart=-\n", 1, "", false, false},
	{"ExecStartPre=/bin/true\n", 0, "", false, false},
};

START_TEST(started_programs)
{
	char text[256];

	snprintf(text, sizeof(text), "[Service]\nUser=www\n%s", programs[_i].lines);
	parse(text);
	ck_assert_uint_eq(service.program_count, programs[_i].count);
	ck_assert_str_eq(service.programs[0], programs[_i].program);
	ck_assert_int_eq(service_does_nothing(&service), programs[_i].nothing);
	ck_assert_int_eq(service_is_root(&service), programs[_i].root);
}
END_TEST

START_TEST(many_programs)
{
	char text[4096] = "[Service]\n";

	for (int i = 0; i < 3 * SERVICE_PROGRAMS_MAX; i++)
		strcat(text, "ExecStart=/bin/true\n");
	parse(text);
	ck_assert_uint_eq(service.program_count, 3 * SERVICE_PROGRAMS_MAX);
	ck_assert(!service_does_nothing(&service)); /* of some nothing is known */
}
END_TEST

/* A drop-in beats ours by its name alone; a comment that looks like a path is none. */
START_TEST(behind_ours)
{
	parse("# /lib/systemd/system/a.service\n[Service]\nLimitMEMLOCK=1M\n\n"
	      "# /run/systemd/system/a.service.d/b.conf\n[Service]\nLimitMEMLOCK=2M\n");
	ck_assert_str_eq(service.memlock.text, "2M");
	ck_assert_str_eq(service.memlock.later, "");
	parse("# /lib/systemd/system/a.service\n[Service]\n# /etc/zz.conf\nLimitMEMLOCK=1M\n");
	ck_assert_str_eq(service.memlock.later, "");
	parse("[Service]\n\n# /etc/systemd/system/a.service.d/z.conf\n[Service]\nLimitMEMLOCK=1M\n"
	      "Environment=LD_PRELOAD=/x.so\n");
	ck_assert_str_eq(service.memlock.later, "/etc/systemd/system/a.service.d/z.conf");
	ck_assert_str_eq(service.preload.later, service.memlock.later);
}
END_TEST

START_TEST(variables)
{
	service = (struct service){.found = true};
	service_parse_variables(&service, "/f", "# LD_PRELOAD=/c.so\nA=LD_PRELOAD=/b.so\n\n");
	ck_assert_str_eq(service.file_preload.later, "");
	service_parse_variables(&service, "/f", "LD_PRELOAD='/a b.so'\n RAMLOCK_HEAP=1M");
	ck_assert_str_eq(service.file_preload.text, "/a b.so");
	ck_assert_str_eq(service.file_preload.later, "/f");
	ck_assert_str_eq(service.file_setting.text, "RAMLOCK_HEAP");
}
END_TEST

/* What keeps a file from being written, by the lines of a unit. */
static const struct {
	const char *lines, *path, *bar;
} barred[] = {
	{"", "/usr/r", NULL},
	{"ProtectSystem=yes\n", "/usr/r", "ProtectSystem="},
	{"ProtectSystem=yes\n", "/etc/r", NULL},
	{"ProtectSystem=full\n", "/etc/r", "ProtectSystem="},
	{"ProtectSystem=full\n", "/var/r", NULL},
	{"ProtectSystem=strict\n", "/var/r", "ProtectSystem="},
	{"ProtectSystem=strict\nReadWritePaths=-/var\n", "/var/r", NULL},
	{"ProtectSystem=strict\nReadWritePaths=/var\nReadOnlyPaths=/var/x\n", "/var/x/r", "ReadOnlyPaths="},
	{"ProtectSystem=strict\nReadWritePaths=/var\nReadWritePaths=\n", "/var/r", "ProtectSystem="},
	{"ProtectSystem=strict\nStateDirectory=a b:c\n", "/var/lib/b/r", NULL},
	{"ProtectSystem=strict\nRuntimeDirectory=a\n", "/run/ab", "ProtectSystem="},
	{"ProtectSystem=strict\n", "/tmp/r", NULL},
	{"ProtectHome=read-only\n", "/root/r", "ProtectHome="},
	{"DynamicUser=yes\n", "/home/r", "ProtectHome="},
	{"DynamicUser=yes\n", "/var/r", "ProtectSystem="},
};

START_TEST(barred_paths)
{
	char text[256];
	const char *bar;

	snprintf(text, sizeof(text), "[Service]\n%s", barred[_i].lines);
	parse(text);
	bar = service_bars(&service, barred[_i].path);
	ck_assert_pstr_eq(bar, barred[_i].bar);
}
END_TEST

START_TEST(continued)
{
	parse("[Service]\nSystemCallFilter=@a \\\n# User=x\n   @b\\\n@c\nUser=www");
	ck_assert_str_eq(service.filter, "@a @b @c");
	ck_assert_str_eq(service.user, "www");
	parse("[Service]\nUser=www\\");
	ck_assert(service.user[0] == '\0' || strcmp(service.user, "www") == 0);
}
END_TEST

/* Whether mlock passes, by the lines of SystemCallFilter=. */
static bool passes(const char *lines)
{
	char text[512];

	snprintf(text, sizeof(text), "[Service]\n%s", lines);
	parse(text);
	return service_may_lock(&service);
}

START_TEST(filters)
{
	ck_assert(passes(""));
	ck_assert(passes("SystemCallFilter=@system-service\nSystemCallFilter=~@resources\n"));
	ck_assert(passes("SystemCallFilter=~@mount @swap\n"));
	ck_assert(passes("SystemCallFilter=@basic-io\nSystemCallFilter=@memlock\n"));
	ck_assert(passes("SystemCallFilter=@basic-io\nSystemCallFilter=\n"));
	ck_assert(passes("SystemCallFilter=~@memlock\nSystemCallFilter=@memlock\n"));
	ck_assert(passes("SystemCallFilter=@basic-io mlock:EPERM mlock2 mlockall\n"));
	ck_assert(!passes("SystemCallFilter=~@mount @memlock:EPERM\n"));
	ck_assert(!passes("SystemCallFilter=@basic-io @memlockx\n"));
	ck_assert(!passes("SystemCallFilter=@basic-io\n"));
	ck_assert(!passes("SystemCallFilter=@system-service\nSystemCallFilter=~@memlock\n"));
	ck_assert(!passes("SystemCallFilter=~@mount @memlock\n"));
}
END_TEST

START_TEST(bounding)
{
	parse("[Service]\n");
	ck_assert(service_may_be_capable(&service));
	parse("[Service]\nCapabilityBoundingSet=\n");
	ck_assert(!service_may_be_capable(&service));
	parse("[Service]\nCapabilityBoundingSet=CAP_NET_RAW CAP_IPC_LOCK\n");
	ck_assert(service_may_be_capable(&service));
	parse("[Service]\nCapabilityBoundingSet=CAP_NET_RAW\n");
	ck_assert(!service_may_be_capable(&service));
	parse("[Service]\nCapabilityBoundingSet=~CAP_NET_RAW\n");
	ck_assert(service_may_be_capable(&service));
	parse("[Service]\nCapabilityBoundingSet=~CAP_IPC_LOCK\n");
	ck_assert(!service_may_be_capable(&service));
}
END_TEST

START_TEST(hidden_paths)
{
	parse("[Service]\nProtectHome=yes\nNoExecPaths=/\nExecPaths=/usr/lib/ /bin\n");
	ck_assert(service_can_execute(&service, "/usr/lib/x.so"));
	ck_assert(!service_can_execute(&service, "/usr/lib64/x.so"));
	ck_assert_ptr_null(service_hides(&service, "/usr/lib64/x.so"));
	ck_assert_str_eq(service_hides(&service, "/home/u/x.so"), "ProtectHome=");
	parse("[Service]\nProtectHome=read-only\n");
	ck_assert_ptr_null(service_hides(&service, "/home/u/x.so"));
	ck_assert(service_can_execute(&service, "/home/u/x.so"));
	parse("[Service]\nPrivateTmp=yes\nTemporaryFileSystem=/opt:ro\n");
	ck_assert_str_eq(service_hides(&service, "/tmp/x.so"), "PrivateTmp=");
	ck_assert_ptr_nonnull(service_hides(&service, "/opt/x.so"));
}
END_TEST

/* Long lines and lists are cut, not written behind their end. */
START_TEST(long_lines)
{
	char *text = malloc(200000), *at = text;

	at += sprintf(at, "[Service]\nSystemCallFilter=");
	for (int i = 0; i < 20000; i++)
		at += sprintf(at, "@x%d ", i % 10);
	sprintf(at, "\\\n%0*d\nUser=www\n", 9000, 0);
	parse(text);
	ck_assert_uint_lt(strlen(service.filter), sizeof(service.filter));
	ck_assert_str_eq(service.user, "www");
	free(text);
}
END_TEST

static void check_quoted(const char *word, const char *expected)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	dropin_quote(word, to);
	fclose(to);
	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(quoting)
{
	check_quoted("A=b c", "\"A=b c\"");
	check_quoted("A=\"\\'%p$", "\"A=\\\"\\\\'%%p$\"");
	check_quoted("A=\n[Service]\t\x7f", "\"A=\\x0a[Service]\\x09\\x7f\"");
}
END_TEST

START_TEST(capability)
{
	struct dropin d = {.unlimited = PROBE_NO};

	d.service = (struct service){.found = true, .user = "www"};
	ck_assert(dropin_needs_capability(&d));
	strcpy(d.service.ambient, "CAP_NET_RAW CAP_IPC_LOCK");
	ck_assert(!dropin_needs_capability(&d)); /* has it */
	*d.service.ambient = '\0';
	d.user = true;
	ck_assert(!dropin_needs_capability(&d)); /* which a user's manager can't give */
	d.user = false;
	d.service.private_users = true;
	ck_assert(!dropin_needs_capability(&d));
	d.service = (struct service){.found = true};
	ck_assert(!dropin_needs_capability(&d)); /* root */
	d.service.dynamic_user = true;
	ck_assert(dropin_needs_capability(&d));
	d.unlimited = PROBE_YES;
	ck_assert(!dropin_needs_capability(&d));
}
END_TEST

Suite *service_suite(void)
{
	Suite *s = suite_create("service");
	TCase *t = tcase_create("service");

	tcase_add_loop_test(t, unit_name, 0, sizeof(names) / sizeof(*names));
	tcase_add_test(t, long_name);
	tcase_add_test(t, keys);
	tcase_add_loop_test(t, environment, 0, sizeof(environments) / sizeof(*environments));
	tcase_add_loop_test(t, started_programs, 0, sizeof(programs) / sizeof(*programs));
	tcase_add_test(t, many_programs);
	tcase_add_test(t, behind_ours);
	tcase_add_test(t, variables);
	tcase_add_loop_test(t, barred_paths, 0, sizeof(barred) / sizeof(*barred));
	tcase_add_test(t, continued);
	tcase_add_test(t, filters);
	tcase_add_test(t, bounding);
	tcase_add_test(t, hidden_paths);
	tcase_add_test(t, long_lines);
	tcase_add_test(t, quoting);
	tcase_add_test(t, capability);
	suite_add_tcase(s, t);
	return s;
}
