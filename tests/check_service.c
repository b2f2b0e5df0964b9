/* SPDX-License-Identifier: MIT */
/* Unit tests of reading systemd units and of the drop-ins for them. */
#include "config.h"

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
	ck_assert_str_eq(service.preload, "/a.so");
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
	ck_assert_str_eq(service.preload, "");
	parse("[Service]\nEnvironment=XLD_PRELOAD=/a.so\n");
	ck_assert_str_eq(service.preload, "");
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
	ck_assert(service_can_see(&service, "/usr/lib64/x.so"));
	ck_assert(!service_can_see(&service, "/home/u/x.so"));
	parse("[Service]\nProtectHome=read-only\n");
	ck_assert(service_can_see(&service, "/home/u/x.so"));
	ck_assert(service_can_execute(&service, "/home/u/x.so"));
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
