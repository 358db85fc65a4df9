// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "json.h"
#include "notes.h"
#include "version.h"

void json_text(struct json_object *object, const char *name, const char *text)
{
	json_object_object_add(object, name,
			       text ? json_object_new_string(text) : NULL);
}

void json_number(struct json_object *object, const char *name, long long number)
{
	json_object_object_add(object, name, json_object_new_int64(number));
}

void json_flag(struct json_object *object, const char *name, bool flag)
{
	json_object_object_add(object, name, json_object_new_boolean(flag));
}

void json_real(struct json_object *object, const char *name, double number,
	       int decimals)
{
	char text[64];

	snprintf(text, sizeof(text), "%.*f", decimals, number);
	json_object_object_add(object, name,
			       json_object_new_double_s(number, text));
}

struct json_object *json_object_in(struct json_object *object, const char *name)
{
	struct json_object *member = json_object_new_object();

	json_object_object_add(object, name, member);
	return member;
}

struct json_object *json_array_in(struct json_object *object, const char *name)
{
	struct json_object *member = json_object_new_array();

	json_object_object_add(object, name, member);
	return member;
}

struct json_object *json_item(struct json_object *array)
{
	struct json_object *item = json_object_new_object();

	json_object_array_add(array, item);
	return item;
}

void json_text_item(struct json_object *array, const char *text)
{
	json_object_array_add(array, json_object_new_string(text));
}

struct json_object *json_begin_plain(const char *command)
{
	struct json_object *object = json_object_new_object();

	json_number(object, "schema", P2PDMA_SCHEMA);
	json_text(object, "version", P2PDMA_VERSION);
	json_text(object, "command", command);
	return object;
}

struct json_object *json_begin(const char *command, const struct machine *m)
{
	struct json_object *object = json_begin_plain(command), *kernel, *array;
	struct words notes = {};
	size_t i;

	kernel = json_object_in(object, "kernel");
	json_text(kernel, "release", m->release);
	json_flag(kernel, "project", m->project);
	json_text(kernel, "policy", m->policy);
	json_flag(kernel, "guest", m->guest);
	array = json_array_in(kernel, "iommus");
	for (i = 0; i < m->n_iommus; i++)
		json_text_item(array, m->iommus[i]);
	notes_machine(m, &notes);
	array = json_array_in(object, "notes");
	for (i = 0; i < notes.n; i++)
		json_text_item(array, notes.words[i]);
	words_free(&notes);
	array = json_array_in(object, "unseen");
	for (i = 0; i < m->n_unseen; i++)
		json_text_item(array, m->unseen[i]);
	return object;
}

static void print(struct json_object *object, int flags)
{
	puts(json_object_to_json_string_ext(object, flags |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	fflush(stdout);
}

void json_end(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
}

void json_end_line(struct json_object *object)
{
	print(object, JSON_C_TO_STRING_PLAIN);
}

static void json_link(struct json_object *object, const struct dev *dev)
{
	struct json_object *link;

	if (!dev->speed && !dev->speed_max) {
		json_text(object, "link", NULL);
		return;
	}
	link = json_object_in(object, "link");
	json_text(link, "speed", dev->speed);
	json_text(link, "width", dev->width);
	json_text(link, "max_speed", dev->speed_max);
	json_text(link, "max_width", dev->width_max);
}

static void json_acs(struct json_object *object, const struct acs *acs)
{
	struct json_object *member;

	if (!acs->seen) {
		json_text(object, "acs", NULL);
		return;
	}
	member = json_object_in(object, "acs");
	json_flag(member, "present", acs->present);
	json_text(member, "able", acs_bits(acs->cap & 0x7f));
	json_text(member, "on", acs_bits(acs->ctrl & 0x7f));
}

void json_dev(struct json_object *object, const struct dev *dev)
{
	struct json_object *array;
	char id[32];
	size_t i;

	json_text(object, "address", dev->bdf);
	json_text(object, "name", dev->kname);
	array = json_array_in(object, "names");
	for (i = 0; i < dev->n_names; i++)
		json_text_item(array, dev->names[i]);
	json_text(object, "label", dev->label);
	snprintf(id, sizeof(id), "%04x:%04x", dev->vendor, dev->device);
	json_text(object, "id", id);
	snprintf(id, sizeof(id), "%06x", dev->class);
	json_text(object, "class", id);
	json_text(object, "driver", dev->driver);
	json_text(object, "kind", kind_name(dev));
	json_text(object, "host_bridge", dev->host);
	json_text(object, "above", dev->above ? dev->above->bdf : NULL);
	json_text(object, "physical_function",
		  dev->physfn ? dev->physfn->bdf : NULL);
	json_number(object, "numa_node", dev->numa);
	json_number(object, "iommu_group", dev->iommu_group);
	json_text(object, "iommu_domain", dev->iommu_type);
	json_text(object, "power", dev->power);
	json_flag(object, "answers", dev->kind != KIND_SILENT);
	json_flag(object, "external", dev->untrusted);
	json_text(object, "behind", dev->behind ? dev->behind->bdf : NULL);
	json_text(object, "ats", dev->kind == KIND_UNSEEN ? NULL :
		  dev->ats_on ? "on" : dev->ats ? "off" : "none");
	json_link(object, dev);
	json_acs(object, &dev->acs);
}

static void json_bar(struct json_object *object, const struct provider *provider)
{
	if (provider->bar < 0)
		json_text(object, "bar", NULL);
	else
		json_number(object, "bar", provider->bar);
}

void json_provider(struct json_object *object, const struct provider *provider)
{
	const struct dev *dev = provider->dev;
	struct json_object *pool;

	json_text(object, "provider", dev->bdf);
	json_bar(object, provider);
	if (!dev->has_p2pmem) {
		json_text(object, "pool", NULL);
		return;
	}
	pool = json_object_in(object, "pool");
	json_number(pool, "size", dev->p2pmem_size);
	json_number(pool, "available", dev->p2pmem_available);
	json_flag(pool, "published", dev->p2pmem_published);
}

void json_route(struct json_object *object, const struct dev *client,
		const struct provider *provider, const struct route *route)
{
	enum direction dir;

	json_text(object, "client", client->bdf);
	json_text(object, "provider", provider->dev->bdf);
	json_bar(object, provider);
	for (dir = 0; dir < N_DIRECTIONS; dir++) {
		struct json_object *member;

		if (!route) {
			json_text(object, direction_name(dir), NULL);
			continue;
		}
		member = json_object_in(object, direction_name(dir));
		json_text(member, "verdict", route->verdict_word[dir]);
		json_text(member, "reason", route->reason_word[dir]);
	}
	json_text(object, "port", route && *route->port ? route->port : NULL);
	json_flag(object, "translated_requests_cross",
		  route && route->sent_crosses);
}

void json_fabric(struct json_object *object, const struct path *path)
{
	char *summary = path_summary(path);
	struct json_object *fabric = json_object_in(object, "fabric"), *array;
	size_t i;

	json_text(fabric, "shape", path_word(path));
	json_text(fabric, "summary", summary);
	json_number(fabric, "distance", path->distance);
	json_text(fabric, "common", path->common ? path->common->bdf : NULL);
	json_flag(fabric, "acs_seen", path->seen);
	json_text(fabric, "request", request_name(path->request));
	json_flag(fabric, "completions_up", path->completion_up);
	json_text(fabric, "conventional",
		  path->conventional ? path->conventional->bdf : NULL);
	array = json_array_in(fabric, "redirectors");
	for (i = 0; i < path->n_redirectors; i++)
		json_text_item(array, path->redirectors[i]->bdf);
	json_text(fabric, "unproven",
		  path->unproven ? path->unproven->bdf : NULL);
	json_text(fabric, "no_forwarding",
		  path->no_forwarding ? path->no_forwarding->bdf : NULL);
	free(summary);
}
