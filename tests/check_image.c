/* SPDX-License-Identifier: MIT */
/* Unit tests of reading ELF files: this program itself, and that with each byte of its head changed. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/image.h"
#include "cli_suites.h"
#include "scratch.h"

static struct image image;

START_TEST(this_program)
{
	static struct image_tree tree;

	ck_assert(image_read("/proc/self/exe", &image, true));
	ck_assert(image.dynamic);
	ck_assert_ptr_ne(strstr(image.loader, "ld"), NULL);
	ck_assert_uint_gt(image.text, 4096);
	ck_assert_uint_gt(image.data, 0);
	ck_assert_uint_gt(image.needed_count, 0);
	image_tree("/proc/self/exe", &image, &tree);
	ck_assert_uint_gt(tree.found, 0);
	ck_assert_uint_eq(tree.missing, 0);
	ck_assert_uint_gt(tree.text, image.text);
}
END_TEST

START_TEST(no_elf)
{
	ck_assert(!image_read("/proc/self/status", &image, true));
	ck_assert(!image_read("/dev/null", &image, true));
	ck_assert(!image_read(".", &image, true));
	ck_assert(!image_read("/no/such", &image, true));
}
END_TEST

static size_t read_self(char *to, size_t size)
{
	FILE *file = fopen("/proc/self/exe", "r");
	size_t length = fread(to, 1, size, file);

	fclose(file);
	return length;
}

static void try_bytes(const char *bytes, size_t size)
{
	static struct image_tree tree;
	const char *path = scratch_path("/f");
	FILE *file = fopen(path, "w");

	fwrite(bytes, 1, size, file);
	fclose(file);
	if (image_read(path, &image, true))
		image_tree(path, &image, &tree);
}

/* Nothing is asserted but that it comes back: the sanitizers watch. */
START_TEST(damaged)
{
	static char whole[4 << 20];
	const size_t size = read_self(whole, sizeof(whole));

	for (size_t at = 0; at < 1024; at += 3) {
		char kept = whole[at];

		whole[at] = (char)(at % 2 ? 0xff : whole[at] + 1);
		try_bytes(whole, size);
		whole[at] = kept;
	}
}
END_TEST

START_TEST(cut)
{
	static char whole[4 << 20];
	const size_t size = read_self(whole, sizeof(whole));

	for (size_t length = 0; length < size; length += size / 100 + 1)
		try_bytes(whole, length);
	ck_assert(!image_read("/dev/null", &image, true));
}
END_TEST

Suite *image_suite(void)
{
	Suite *s = suite_create("image");
	TCase *t = tcase_create("image");

	tcase_add_checked_fixture(t, scratch_make, scratch_remove);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, this_program);
	tcase_add_test(t, no_elf);
	tcase_add_test(t, damaged);
	tcase_add_test(t, cut);
	suite_add_tcase(s, t);
	return s;
}
