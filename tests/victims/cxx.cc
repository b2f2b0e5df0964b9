/* SPDX-License-Identifier: MIT */
/* What C++ makes of the malloc family: new and delete in all forms, growing containers. */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>

struct alignas(8192) Page {
	char bytes[300000];
};

struct Small {
	std::string name;
	int value;
};

static unsigned long sum;

static void expect(bool condition, const char *what)
{
	if (!condition) {
		std::printf("wrong: %s\n", what);
		std::exit(1);
	}
}

static void containers()
{
	std::vector<int> numbers;
	std::string text;
	std::map<int, std::unique_ptr<Small>> tree;

	for (int i = 0; i < 3000000; i++)
		numbers.push_back(i);
	for (int i = 0; i < 400000; i++)
		text += "abc";
	for (int i = 0; i < 20000; i++)
		tree[i % 7919] = std::make_unique<Small>(Small{std::to_string(i), i});
	numbers.shrink_to_fit();
	for (int number : numbers)
		sum += static_cast<unsigned>(number);
	for (auto &entry : tree)
		sum += entry.second->name.size();
	sum += text.size();
}

static void operators()
{
	Page *page = new Page, *pages = new Page[3];
	char *plain = new char[5 << 20];
	auto *aligned = static_cast<char *>(::operator new(1 << 20, std::align_val_t(1 << 16)));

	expect(reinterpret_cast<std::uintptr_t>(page) % 8192 == 0, "aligned new");
	expect(reinterpret_cast<std::uintptr_t>(pages) % 8192 == 0, "aligned new[]");
	expect(reinterpret_cast<std::uintptr_t>(aligned) % (1 << 16) == 0, "operator new with align_val_t");
	std::memset(plain, 1, 5 << 20);
	std::memset(static_cast<void *>(pages), 2, 3 * sizeof(Page));
	delete page;
	delete[] pages;
	delete[] plain;
	::operator delete(aligned, 1 << 20, std::align_val_t(1 << 16));
	::operator delete(::operator new(300000), static_cast<std::size_t>(300000));
	expect(new (std::nothrow) char[SIZE_MAX / 4] == nullptr, "new (nothrow)");
	try {
		std::vector<char> huge(SIZE_MAX / 4);
		expect(false, "bad_alloc");
	} catch (const std::bad_alloc &) {
		sum++;
	}
}

int main()
{
	std::vector<std::thread> threads;

	operators();
	containers();
	for (int i = 0; i < 4; i++)
		threads.emplace_back([] {
			for (int n = 0; n < 200; n++)
				std::vector<char>(static_cast<std::size_t>(n) * 4000).shrink_to_fit();
		});
	for (auto &thread : threads)
		thread.join();
	std::printf("c++ ok %lu\n", sum);
	return 0;
}
