/* SPDX-License-Identifier: BSD-3-Clause */
/* units.c - see units.h */

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pagewire/check.h"
#include "units.h"

struct unit {
	const char *name;
	double factor;
};

#define KIB 1024.0
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)
#define TIB (GIB * 1024)

static const struct unit size_units[] = {
	{ "", 1 },      { "B", 1 },     { "K", KIB },	{ "KiB", KIB }, { "M", MIB },
	{ "MiB", MIB }, { "G", GIB },   { "GiB", GIB }, { "T", TIB },   { "TiB", TIB },
	{ NULL, 0 },
};

static const struct unit bit_units[] = {
	{ "bit", 1e0 / 8 }, { "Kbit", 1e3 / 8 }, { "Mbit", 1e6 / 8 }, { "Gbit", 1e9 / 8 },
	{ "Tbit", 1e12 / 8 }, { NULL, 0 },
};

static const struct unit time_units[] = {
	{ "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "m", 60 }, { NULL, 0 },
};

int pw_units_parse_number(const char *text, uint64_t *value)
{
	unsigned long long n;
	char *end;

	if (text[0] < '0' || text[0] > '9')	/* strtoull takes signs and spaces */
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	if (*end)
		return -EINVAL;
	*value = n;
	return 0;
}

/* Digits with at most one point among them, then one of units: no sign, no
 * exponent, no "inf". bytes of text count. */
static int parse_quantity(const char *text, size_t bytes, const struct unit *units, double *value)
{
	size_t digits = strspn(text, "0123456789.");
	const char *point = memchr(text, '.', digits);
	char number[32];

	if (digits > bytes)
		digits = bytes;
	if (digits == 0 || text[0] == '.' || text[digits - 1] == '.' || digits >= sizeof(number))
		return -EINVAL;
	if (point && memchr(point + 1, '.', (size_t)(text + digits - point - 1)))
		return -EINVAL;
	for (; units->name; units++)
		if (strlen(units->name) == bytes - digits &&
		    !memcmp(units->name, text + digits, bytes - digits))
			break;
	if (!units->name)
		return -EINVAL;
	memcpy(number, text, digits);
	number[digits] = '\0';
	*value = strtod(number, NULL) * units->factor;
	return 0;
}

/* Plain digits never pass through a double, which is exact only up to 2^53. */
static int parse_bytes(const char *text, size_t bytes, const struct unit *units, uint64_t *value)
{
	double d;
	int err;

	if (strspn(text, "0123456789") == bytes && text[bytes] == '\0' && !units[0].name[0])
		return pw_units_parse_number(text, value);
	err = parse_quantity(text, bytes, units, &d);
	if (err)
		return err;
	if (d >= 0x1p63)
		return -ERANGE;
	*value = (uint64_t)(d + 0.5);
	return 0;
}

int pw_units_parse_size(const char *text, uint64_t *bytes)
{
	return parse_bytes(text, strlen(text), size_units, bytes);
}

int pw_units_parse_rate(const char *text, uint64_t *bytes_per_s)
{
	size_t bytes = strlen(text);
	char trimmed[48];
	int err;

	if (bytes > 2 && !strcmp(text + bytes - 2, "/s"))
		bytes -= 2;
	if (bytes >= sizeof(trimmed))
		return -EINVAL;
	snprintf(trimmed, sizeof(trimmed), "%.*s", (int)bytes, text);
	err = parse_bytes(trimmed, bytes, size_units, bytes_per_s);
	return err == -EINVAL ? parse_bytes(trimmed, bytes, bit_units, bytes_per_s) : err;
}

int pw_units_parse_seconds(const char *text, double *seconds)
{
	return parse_quantity(text, strlen(text), time_units, seconds);
}

/* Three digits that count, whatever the magnitude. */
static struct pw_units_text scaled(double value, const char *unit)
{
	struct pw_units_text t;
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(t.text, sizeof(t.text), "%.*f %s", decimals, value, unit);
	return t;
}

struct pw_units_text pw_units_bytes(uint64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = (double)bytes;
	struct pw_units_text t;
	size_t i = 0;

	while (value >= 1023.5 && i + 1 < PW_ARRAY_SIZE(names)) {
		value /= 1024;
		i++;
	}
	if (i)
		return scaled(value, names[i]);
	snprintf(t.text, sizeof(t.text), "%" PRIu64 " B", bytes);
	return t;
}

struct pw_units_text pw_units_size(uint64_t bytes)
{
	static const char units[] = "\0KMGT";
	struct pw_units_text t;
	size_t i = 0;

	while (bytes && bytes % 1024 == 0 && i < 4) {
		bytes /= 1024;
		i++;
	}
	snprintf(t.text, sizeof(t.text), "%" PRIu64 "%.1s", bytes, units + i);
	return t;
}

struct pw_units_text pw_units_bits_per_s(double bytes_per_s)
{
	static const char *const names[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s" };
	double value = bytes_per_s * 8;
	size_t i = 0;

	while (value >= 999.5 && i + 1 < PW_ARRAY_SIZE(names)) {
		value /= 1000;
		i++;
	}
	return scaled(value, names[i]);
}

struct pw_units_text pw_units_seconds(double seconds)
{
	if (seconds >= 0.9995)
		return scaled(seconds, "s");
	if (seconds >= 0.9995e-3)
		return scaled(seconds * 1e3, "ms");
	return scaled(seconds * 1e6, "us");
}

struct pw_units_text pw_units_count(uint64_t n)
{
	struct pw_units_text t;
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), to = 0;

	/* Twenty digits would not fit with their commas, and are read by nobody. */
	if (len > 15) {
		snprintf(t.text, sizeof(t.text), "%s", digits);
		return t;
	}
	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			t.text[to++] = ',';
		t.text[to++] = digits[i];
	}
	t.text[to] = '\0';
	return t;
}
