/* SPDX-License-Identifier: BSD-3-Clause */
/* conf_text.c - see conf_text.h */

#include <cyaml/cyaml.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf_text.h"

/* ---- errors ---- */

/* Copy the first line of text to to; return what stands behind it. */
static const char *take_line(const char *text, char *to, size_t bytes)
{
	size_t n = strcspn(text, "\n");

	snprintf(to, bytes, "%.*s", (int)n, text);
	return text[n] ? text + n + 1 : text + n;
}

static int fail(struct pw_conf_text *t, const char *key, const yaml_mark_t *at, const char *text)
{
	struct pw_conf_error *e = t->e;
	char what[sizeof(e->what)];

	if (e->code)
		return e->code;
	text = take_line(text, what, sizeof(what));
	text = take_line(text, e->found, sizeof(e->found));
	take_line(text, e->fix, sizeof(e->fix));
	e->code = -EINVAL;
	if (at) {
		e->line = (unsigned)at->line + 1;
		e->column = (unsigned)at->column + 1;
		snprintf(e->what, sizeof(e->what), "%.70s:%u:%u: %s%s%.80s", t->name, e->line,
			 e->column, key, *key ? " " : "", what);
	} else {
		snprintf(e->what, sizeof(e->what), "%.70s: %s%s%.80s", t->name, key,
			 *key ? " " : "", what);
	}
	return e->code;
}

int pw_conf_text_fail_at(struct pw_conf_text *t, size_t line, size_t column, const char *fmt, ...)
{
	yaml_mark_t at = { .line = line - 1, .column = column - 1 };
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return fail(t, "", line ? &at : NULL, text);
}

char *pw_conf_text_quote(const char *said, char to[PW_CONF_WORD_MAX])
{
	size_t i;

	for (i = 0; said[i] && i < PW_CONF_WORD_MAX - 1; i++)
		to[i] = isprint((unsigned char)said[i]) ? said[i] : '?';
	to[i] = '\0';
	return to;
}

/* ---- the document ---- */

static const char *word_of(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* The value of the first bytes of key in a mapping, or NULL. */
static yaml_node_t *find_value(struct pw_conf_text *t, const yaml_node_t *map, const char *key,
			       size_t bytes)
{
	const yaml_node_pair_t *pair;

	if (map->type != YAML_MAPPING_NODE)
		return NULL;
	for (pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++) {
		const char *word = word_of(yaml_document_get_node(&t->document, pair->key));

		if (word && strlen(word) == bytes && memcmp(word, key, bytes) == 0)
			return yaml_document_get_node(&t->document, pair->value);
	}
	return NULL;
}

static yaml_node_t *find_item(struct pw_conf_text *t, const yaml_node_t *list, long index)
{
	const yaml_node_item_t *item;

	if (list->type != YAML_SEQUENCE_NODE)
		return NULL;
	item = list->data.sequence.items.start + index;
	return item < list->data.sequence.items.top ? yaml_document_get_node(&t->document, *item)
						    : NULL;
}

/* One step of a key: *key is moved behind it. */
static yaml_node_t *step(struct pw_conf_text *t, const yaml_node_t *node, const char **key)
{
	const char *at = *key;
	size_t bytes;

	if (*at == '[') {
		char *end;
		long index = strtol(at + 1, &end, 10);

		*key = end + 1;
		return find_item(t, node, index);
	}
	at += *at == '.';
	bytes = strcspn(at, ".[");
	*key = at + bytes;
	return find_value(t, node, at, bytes);
}

/* The node of key; if the text does not have it, *nearest is the last one on
 * the way to it, NULL at the top. */
static yaml_node_t *find(struct pw_conf_text *t, const char *key, yaml_node_t **nearest)
{
	yaml_node_t *node = yaml_document_get_root_node(&t->document);

	*nearest = NULL;
	while (node && *key) {
		node = step(t, node, &key);
		if (node)
			*nearest = node;
	}
	return node;
}

int pw_conf_text_fail(struct pw_conf_text *t, const char *key, const char *fmt, ...)
{
	yaml_node_t *nearest;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	find(t, key, &nearest);
	return fail(t, key, nearest ? &nearest->start_mark : NULL, text);
}

bool pw_conf_text_is_list(struct pw_conf_text *t, const char *key)
{
	yaml_node_t *nearest;
	yaml_node_t *node = find(t, key, &nearest);

	return node && node->type == YAML_SEQUENCE_NODE;
}

static int fail_to_parse(struct pw_conf_text *t, const yaml_parser_t *parser)
{
	return pw_conf_text_fail_at(t, parser->problem_mark.line + 1,
				    parser->problem_mark.column + 1,
				    "not YAML\n%s%s%s\nsee the example pagewire.yaml",
				    parser->problem ? parser->problem : "out of memory",
				    parser->context ? ", " : "",
				    parser->context ? parser->context : "");
}

/* -EINVAL if another document, or something that is none, follows. */
static int refuse_second(struct pw_conf_text *t, yaml_parser_t *parser)
{
	yaml_document_t second;
	const yaml_node_t *root;
	int err = 0;

	if (!yaml_parser_load(parser, &second))
		return fail_to_parse(t, parser);
	root = yaml_document_get_root_node(&second);
	if (root)
		err = pw_conf_text_fail_at(t, root->start_mark.line + 1, 1,
					   "a second document\na line --- divides the file\n"
					   "keep one of the two");
	yaml_document_delete(&second);
	return err;
}

static int load(struct pw_conf_text *t, yaml_parser_t *parser)
{
	int err;

	if (!yaml_parser_load(parser, &t->document))
		return fail_to_parse(t, parser);
	if (yaml_document_get_root_node(&t->document))
		err = refuse_second(t, parser);
	else
		err = pw_conf_text_fail_at(t, 0, 0, "the file says nothing\nno key in it\n"
					   "start from the example pagewire.yaml");
	if (err)
		yaml_document_delete(&t->document);
	return err;
}

int pw_conf_text_open(struct pw_conf_text *t, const char *text, size_t bytes)
{
	yaml_parser_t parser;
	int err;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
	err = load(t, &parser);
	yaml_parser_delete(&parser);
	return err;
}

void pw_conf_text_close(struct pw_conf_text *t)
{
	yaml_document_delete(&t->document);
}

/* ---- unknown and repeated keys ---- */

static const struct cyaml_schema_field *find_field(const struct cyaml_schema_field *fields,
						   const char *word)
{
	const struct cyaml_schema_field *field;

	for (field = fields; field->key; field++)
		if (word && strcmp(field->key, word) == 0)
			return field;
	return NULL;
}

static int fail_unknown(struct pw_conf_text *t, const yaml_node_t *key,
			const struct cyaml_schema_field *fields)
{
	char known[160] = "", quoted[PW_CONF_WORD_MAX];
	const char *word = word_of(key);
	size_t at = 0;

	for (const struct cyaml_schema_field *f = fields; f->key && at < sizeof(known); f++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at ? ", " : "",
				       f->key);
	return pw_conf_text_fail_at(t, key->start_mark.line + 1, key->start_mark.column + 1,
				    "unknown key\n%s\nuse one of: %s",
				    pw_conf_text_quote(word ? word : "not a word", quoted), known);
}

/* Does an earlier key of map say the same word as key, which is one of its keys? */
static bool is_repeated(struct pw_conf_text *t, const yaml_node_t *map, const yaml_node_t *key)
{
	const yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	const yaml_node_t *first = yaml_document_get_node(&t->document, pair->key);

	while (!word_of(first) || strcmp(word_of(first), word_of(key)) != 0)
		first = yaml_document_get_node(&t->document, (++pair)->key);
	return first != key;
}

static int check_keys(struct pw_conf_text *t, const yaml_node_t *node,
		      const struct cyaml_schema_value *schema);

static int check_pair(struct pw_conf_text *t, const yaml_node_t *map, const yaml_node_pair_t *pair,
		      const struct cyaml_schema_value *schema)
{
	const yaml_node_t *key = yaml_document_get_node(&t->document, pair->key);
	const struct cyaml_schema_field *field = find_field(schema->mapping.fields, word_of(key));

	if (!field)
		return fail_unknown(t, key, schema->mapping.fields);
	if (is_repeated(t, map, key))
		return pw_conf_text_fail_at(t, key->start_mark.line + 1, key->start_mark.column + 1,
					    "key given twice\n%s\nkeep one of the two", field->key);
	return check_keys(t, yaml_document_get_node(&t->document, pair->value), &field->value);
}

/* As deep as schema goes, which has no cycle; a shape that differs is left to
 * libcyaml. */
static int check_keys(struct pw_conf_text *t, const yaml_node_t *node,
		      const struct cyaml_schema_value *schema)
{
	const yaml_node_pair_t *pair;
	const yaml_node_item_t *item;
	int err = 0;

	if (schema->type == CYAML_MAPPING && node->type == YAML_MAPPING_NODE) {
		pair = node->data.mapping.pairs.start;
		for (; !err && pair < node->data.mapping.pairs.top; pair++)
			err = check_pair(t, node, pair, schema);
	} else if (schema->type == CYAML_SEQUENCE && node->type == YAML_SEQUENCE_NODE) {
		item = node->data.sequence.items.start;
		for (; !err && item < node->data.sequence.items.top; item++)
			err = check_keys(t, yaml_document_get_node(&t->document, *item),
					 schema->sequence.entry);
	}
	return err;
}

int pw_conf_text_check_keys(struct pw_conf_text *t, const struct cyaml_schema_value *schema)
{
	return check_keys(t, yaml_document_get_root_node(&t->document), schema);
}
