// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exporter/http/web_config.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define HASH         "$2y$10$7EqJtq98hPqEX7fNZaFWoOhi5B0j1iZ1p3zEwZpWQfmTsm9o0qJ3u"

static int parse(const char *text, struct web_config **out, char *message, size_t size)
{
	return web_config_parse("web.yml", text, strlen(text), out, message, size);
}

static void what_is_known_is_read(void **state)
{
	(void)state;
	char message[256];
	struct web_config *config;
	const char *text = "basic_auth_users:\n  alice: " HASH "\n  'bob c': " HASH "\n"
			   "tls_server_config:\n  key_file: k\n  cert_file: c\n";
	assert_int_equal(parse(text, &config, message, sizeof(message)), 0);
	assert_int_equal(config->user_count, 2);
	assert_string_equal(config->users[0].name, "alice");
	assert_string_equal(config->users[1].name, "bob c");
	assert_string_equal(config->users[1].hash, HASH);
	assert_string_equal(config->certificate, "c");
	assert_string_equal(config->key, "k");
	web_config_free(config);
}

static const char *const empties[] = { "", "# nothing\n", "---\n", "{}", "basic_auth_users:\n",
	"tls_server_config: {}\n", "basic_auth_users: ~\ntls_server_config: null\n" };

static void nothing_configures_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(empties); i++) {
		char message[256];
		struct web_config *config;
		assert_int_equal(parse(empties[i], &config, message, sizeof(message)), 0);
		assert_int_equal(config->user_count, 0);
		assert_null(config->certificate);
		web_config_free(config);
	}
}

static const struct {
	const char *text, *message;
} errors[] = {
	{ "\nhttp_server_config: {}\n", "web.yml:2: http_server_config: not supported, expected "
					"basic_auth_users or tls_server_config" },
	{ "tls_server_config:\n  cert_file: c\n  client_ca_file: x\n",
		"web.yml:3: tls_server_config.client_ca_file: not supported, expected cert_file or "
		"key_file" },
	{ "tls_server_config:\n  cert_file: c\n", "web.yml:1: tls_server_config: key_file is missing" },
	{ "tls_server_config:\n  key_file: c\n", "web.yml:1: tls_server_config: cert_file is missing" },
	{ "tls_server_config:\n  key_file: [a]\n",
		"web.yml:2: tls_server_config.key_file: expected the name of a file" },
	{ "tls_server_config:\n  key_file: ''\n",
		"web.yml:2: tls_server_config.key_file: expected the name of a file" },
	{ "basic_auth_users:\n  alice: secret\n",
		"web.yml:2: basic_auth_users.alice: expected a bcrypt hash ($2y$...)" },
	{ "basic_auth_users:\n  alice: $2y$99$7EqJtq98hPqEX7fNZaFWoOhi5B0j1iZ1p3zEwZpWQfmTsm9o0qJ3u\n",
		"web.yml:2: basic_auth_users.alice: expected a bcrypt hash ($2y$...)" },
	{ "basic_auth_users:\n  alice: $2y$10$7EqJtq98hPqEX7fNZaFWoOhi5B0j1iZ1p3zEwZpWQfmTsm9o0qJ3!\n",
		"web.yml:2: basic_auth_users.alice: expected a bcrypt hash ($2y$...)" },
	{ "basic_auth_users:\n  'a:b': " HASH "\n",
		"web.yml:2: basic_auth_users.a:b: a name cannot hold a colon" },
	{ "basic_auth_users:\n  a: " HASH "\n  a: " HASH "\n",
		"web.yml:3: basic_auth_users.a: the key is given twice" },
	{ "basic_auth_users: [a]\n", "web.yml:1: basic_auth_users: expected a map, got a list" },
	{ "- a\n", "web.yml:1: expected a map, got a list" },
	{ "[a]: b\n", "web.yml:1: expected a key, got a list" },
	{ "basic_auth_users: secret\n", "web.yml:1: basic_auth_users: expected a map, got something else" },
	{ "{}\n---\na: b\n", "web.yml:2: a second document is not allowed here" },
	{ "a: [\n", NULL },
	{ "a: *b\n", NULL },
	{ "\x01", NULL },
};

static void errors_name_file_line_and_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(errors); i++) {
		char message[256] = "";
		struct web_config *config = NULL;
		assert_int_equal(parse(errors[i].text, &config, message, sizeof(message)), -EINVAL);
		assert_null(config);
		if (errors[i].message)
			assert_string_equal(message, errors[i].message);
		else
			assert_memory_equal(message, "web.yml:", 8);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void files_are_found_beside_the_configuration(void **state)
{
	(void)state;
	char directory[] = "/tmp/oneway-web-XXXXXX", path[64], pem[64], message[256], expected[256];
	struct web_config *config;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/web.yml", directory);
	snprintf(pem, sizeof(pem), "%s/pem", directory);
	assert_int_equal(web_config_read(path, &config, message, sizeof(message)), -ENOENT);
	snprintf(expected, sizeof(expected), "%s: No such file or directory", path);
	assert_string_equal(message, expected);
	write_file(path, "tls_server_config: {cert_file: pem, key_file: pem}\n");
	assert_int_equal(web_config_read(path, &config, message, sizeof(message)), -ENOENT);
	snprintf(expected, sizeof(expected),
		"%s: tls_server_config.cert_file: pem: No such file or directory", path);
	assert_string_equal(message, expected);
	write_file(pem, "PEM text");
	assert_int_equal(web_config_read(path, &config, message, sizeof(message)), 0);
	assert_string_equal(config->certificate, "PEM text");
	web_config_free(config);
	unlink(pem);
	unlink(path);
	rmdir(directory);
}

static void refused(const char *path, const char *what)
{
	char message[256], expected[256];
	struct web_config *config = NULL;
	alarm(20); /* opening a FIFO without a writer waits for ever */
	assert_int_equal(web_config_read(path, &config, message, sizeof(message)), -ENOTSUP);
	alarm(0);
	assert_null(config);
	snprintf(expected, sizeof(expected), "%s: %snot a regular file", path, what);
	assert_string_equal(message, expected);
}

static void what_is_no_regular_file_is_refused(void **state)
{
	(void)state;
	char directory[] = "/tmp/oneway-web-XXXXXX", path[64], fifo[64];
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/web.yml", directory);
	snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refused(fifo, "");
	write_file(path, "tls_server_config: {cert_file: fifo, key_file: fifo}\n");
	refused(path, "tls_server_config.cert_file: fifo: ");
	unlink(fifo);
	unlink(path);
	rmdir(directory);
}

static void without_a_file_nothing_is_configured(void **state)
{
	(void)state;
	char message[256];
	struct web_config *config;
	assert_int_equal(web_config_read(NULL, &config, message, sizeof(message)), 0);
	assert_int_equal(config->user_count, 0);
	web_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_known_is_read),
		cmocka_unit_test(nothing_configures_nothing),
		cmocka_unit_test(errors_name_file_line_and_key),
		cmocka_unit_test(files_are_found_beside_the_configuration),
		cmocka_unit_test(what_is_no_regular_file_is_refused),
		cmocka_unit_test(without_a_file_nothing_is_configured),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
