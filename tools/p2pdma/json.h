/* SPDX-License-Identifier: GPL-2.0 */
/* JSON for programs; p2pdma.schema.json says what is in it. */
#ifndef P2PDMA_JSON_H
#define P2PDMA_JSON_H

#include <json-c/json.h>

#include "machine.h"
#include "path.h"

/* Members of an object; a NULL text is null. */
void json_text(struct json_object *object, const char *name, const char *text);
void json_number(struct json_object *object, const char *name, long long number);
void json_flag(struct json_object *object, const char *name, bool flag);
void json_real(struct json_object *object, const char *name, double number,
	       int decimals);
/* A new member that is an object, or an array. */
struct json_object *json_object_in(struct json_object *object, const char *name);
struct json_object *json_array_in(struct json_object *object, const char *name);
/* A new object at the end of an array. */
struct json_object *json_item(struct json_object *array);
void json_text_item(struct json_object *array, const char *text);

/* What every output begins with. */
struct json_object *json_begin(const char *command, const struct machine *m);
/* The same without a machine, for commands that do not look at it. */
struct json_object *json_begin_plain(const char *command);
/* Print on stdout, and free. */
void json_end(struct json_object *object);
/* The same on one line. */
void json_end_line(struct json_object *object);

void json_dev(struct json_object *object, const struct dev *dev);
void json_provider(struct json_object *object, const struct provider *provider);
/* A pair's members; @route NULL: the kernel reports none. */
void json_route(struct json_object *object, const struct dev *client,
		const struct provider *provider, const struct route *route);
void json_fabric(struct json_object *object, const struct path *path);

#endif
