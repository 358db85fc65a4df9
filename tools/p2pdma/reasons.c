// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>

#include "json.h"
#include "out.h"
#include "reasons.h"
#include "rules.h"

void reasons_json(void)
{
	struct json_object *out = json_begin_plain("reasons"), *reasons, *item;
	struct json_object *remedies, *one;
	enum reason reason;
	size_t i;

	reasons = json_array_in(out, "reasons");
	for (reason = 0; reason < REASON_UNKNOWN; reason++) {
		item = json_item(reasons);
		json_text(item, "name", reason_name(reason));
		json_text(item, "meaning", reason_meaning(reason));
		remedies = json_array_in(item, "remedies");
		for (i = 0; i < n_rules; i++) {
			if (!(rules[i].reasons & BIT(reason)))
				continue;
			one = json_item(remedies);
			json_text(one, "name", rules[i].name);
			json_text(one, "what", rules[i].what);
			json_text(one, "cost", rules[i].cost);
			json_text(one, "form", rules[i].form);
		}
	}
	json_end(out);
}

void reasons_print(unsigned int width)
{
	enum reason reason;
	size_t i;

	for (reason = 0; reason < REASON_UNKNOWN; reason++) {
		printf("%s%s%s\n    ", style_on(STYLE_HEAD), reason_name(reason),
		       style_off(STYLE_HEAD));
		out_paragraph(reason_meaning(reason), 4, 4, width);
		for (i = 0; i < n_rules; i++) {
			if (!(rules[i].reasons & BIT(reason)))
				continue;
			fputs("    - ", stdout);
			out_paragraph(rules[i].what, 6, 6, width);
			if (rules[i].form) {
				fputs("      ", stdout);
				out_paragraph(rules[i].form, 6, 6, width);
			}
			if (rules[i].cost) {
				fputs("      cost: ", stdout);
				out_paragraph(rules[i].cost, 12, 12, width);
			}
		}
	}
}
