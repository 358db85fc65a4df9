// SPDX-License-Identifier: GPL-2.0
/*
 * Policy: what the administrator allows.
 *
 *	p2pdma=<opt>[,<opt>...]
 *
 *	opt	auto | off | switch | host | window
 *		deny=<pci_dev>[;<pci_dev>...]
 *		trust=<pci_dev>[@w][;<pci_dev>[@w]...]
 *		loopback=<pci_dev>[;<pci_dev>...]
 *	pci_dev	[<domain>:]<bus>:<device>.<func>[/<device>.<func>]*
 *		pci:<vendor>:<device>[:<subvendor>:<subdevice>]
 *
 * The text comes from the command line, where all p2pdma= options add up, and from
 * /sys/kernel/p2pdma/policy, where a write replaces the whole policy.  A text is
 * parsed to its end before any of it counts.  A command line that does not parse
 * turns P2PDMA off: a typing error must not widen access.
 *
 * The active policy, and the host bridges that its trust= entries stand for, are one
 * object behind RCU, because routes are decided where nothing may sleep.  The object
 * is replaced when the policy changes and when a device comes or goes.
 */
#define pr_fmt(fmt) "pci-p2pdma: " fmt

#include <kunit/static_stub.h>
#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/init.h>
#include <linux/mutex.h>
#include <linux/panic.h>
#include <linux/pci.h>
#include <linux/rcupdate.h>
#include <linux/security.h>
#include <linux/seq_buf.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include <asm/setup.h>

#include "p2pdma.h"

#define P2PDMA_MAX_HOPS 32	/* deeper than any fabric */

/* A <pci_dev>: by ID, where 0 stands for any, or by the path from the root. */
struct p2pdma_match {
	bool by_id;
	bool writes_only;
	u16 vendor, device, subvendor, subdevice;
	int domain;
	u8 bus;
	u8 hops;
	u8 devfn[P2PDMA_MAX_HOPS];
	const char *text;
};

static const char * const p2pdma_mode_names[] = {
	[P2PDMA_AUTO]	= "auto",
	[P2PDMA_OFF]	= "off",
	[P2PDMA_SWITCH]	= "switch",
	[P2PDMA_HOST]	= "host",
};

/**
 * p2pdma_mode_name - the word for a mode
 * @mode: the mode
 *
 * Return: the word, as p2pdma= takes it.
 */
const char *p2pdma_mode_name(enum p2pdma_mode mode)
{
	return p2pdma_mode_names[mode];
}

/*
 * Hexadecimal digits, at least one, that make up a number up to @max; on success
 * *@text moves past them.
 */
static bool p2pdma_parse_hex(const char **text, unsigned int max,
			     unsigned int *value)
{
	const char *p = *text;
	u64 number = 0;

	for (; isxdigit(*p); p++) {
		number = number * 16 + hex_to_bin(*p);
		if (number > max)
			return false;
	}
	if (p == *text)
		return false;
	*text = p;
	*value = number;
	return true;
}

static bool p2pdma_parse_char(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* <device>.<func> */
static bool p2pdma_parse_devfn(const char **text, struct p2pdma_match *match)
{
	unsigned int slot, func;

	if (match->hops == P2PDMA_MAX_HOPS ||
	    !p2pdma_parse_hex(text, 0x1f, &slot) ||
	    !p2pdma_parse_char(text, '.') ||
	    !p2pdma_parse_hex(text, 0x7, &func))
		return false;
	match->devfn[match->hops++] = PCI_DEVFN(slot, func);
	return true;
}

static bool p2pdma_parse_ids(const char *text, struct p2pdma_match *match)
{
	unsigned int id[4] = {};
	int i;

	for (i = 0; i < ARRAY_SIZE(id); i++) {
		if (i && !p2pdma_parse_char(&text, ':'))
			break;
		if (!p2pdma_parse_hex(&text, U16_MAX, &id[i]))
			return false;
	}
	match->by_id = true;
	match->vendor = id[0];
	match->device = id[1];
	match->subvendor = id[2];
	match->subdevice = id[3];
	return !*text && (i == 2 || i == 4);
}

static bool p2pdma_parse_path(const char *text, struct p2pdma_match *match)
{
	const char *colon = strchr(text, ':');
	unsigned int domain = 0, bus;

	if (colon && strchr(colon + 1, ':') &&
	    (!p2pdma_parse_hex(&text, INT_MAX, &domain) ||
	     !p2pdma_parse_char(&text, ':')))
		return false;
	if (!p2pdma_parse_hex(&text, U8_MAX, &bus) ||
	    !p2pdma_parse_char(&text, ':'))
		return false;
	match->domain = domain;
	match->bus = bus;

	do {
		if (!p2pdma_parse_devfn(&text, match))
			return false;
	} while (p2pdma_parse_char(&text, '/'));
	return !*text;
}

static bool p2pdma_parse_match(const char *text, struct p2pdma_match *match)
{
	if (str_has_prefix(text, "pci:"))
		return p2pdma_parse_ids(text + 4, match);
	return p2pdma_parse_path(text, match);
}

/* Where the mistakes in a text go, one after the other. */
struct p2pdma_mistakes {
	p2pdma_mistake_fn fn;
	void *data;
	unsigned int count;
};

#define P2PDMA_MISTAKES_NAMED 16	/* of more than these there is only the number */

static __printf(2, 3) void p2pdma_mistake(struct p2pdma_mistakes *mistakes,
					  const char *format, ...)
{
	char text[256];
	va_list args;

	if (mistakes->count++ >= P2PDMA_MISTAKES_NAMED)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	mistakes->fn(text, mistakes->data);
}

/*
 * Add the devices of one deny=, trust= or loopback= to a list; cuts up @text.  A mistake is noted,
 * and is no error.
 */
static int p2pdma_parse_list(struct p2pdma_match_list *list, const char *option,
			     char *text, struct p2pdma_mistakes *mistakes)
{
	bool trust = !strcmp(option, "trust");
	char *token;

	while ((token = strsep(&text, ";"))) {
		struct p2pdma_match *grown, match = {};
		size_t len = strlen(token);

		if (trust && len > 2 && !strcmp(token + len - 2, "@w")) {
			token[len - 2] = '\0';
			match.writes_only = true;
		}
		if (!p2pdma_parse_match(token, &match)) {
			p2pdma_mistake(mistakes,
				       "%s=: \"%.64s\" is no PCI device; write [<domain>:]<bus>:<device>.<func>[/<device>.<func>]* or pci:<vendor>:<device>[:<subvendor>:<subdevice>]",
				       option, token);
			continue;
		}
		match.text = token;

		grown = krealloc_array(list->match, list->count + 1,
				       sizeof(match), GFP_KERNEL);
		if (!grown)
			return -ENOMEM;
		grown[list->count++] = match;
		list->match = grown;
	}
	return 0;
}

static int p2pdma_parse_option(struct p2pdma_policy *policy, char *token,
			       struct p2pdma_mistakes *mistakes)
{
	size_t len;
	int mode;

	mode = match_string(p2pdma_mode_names, ARRAY_SIZE(p2pdma_mode_names),
			    token);
	if (mode >= 0) {
		policy->mode = mode;
		return 0;
	}
	if (!strcmp(token, "window")) {
		policy->window = true;
		return 0;
	}
	len = str_has_prefix(token, "deny=");
	if (len)
		return p2pdma_parse_list(&policy->deny, "deny", token + len,
					 mistakes);
	len = str_has_prefix(token, "trust=");
	if (len)
		return p2pdma_parse_list(&policy->trust, "trust", token + len,
					 mistakes);
	len = str_has_prefix(token, "loopback=");
	if (len)
		return p2pdma_parse_list(&policy->loopback, "loopback",
					 token + len, mistakes);

	if (*token)
		p2pdma_mistake(mistakes,
			       "unknown option \"%.64s\"; write auto, off, switch, host, window, deny=..., trust=... or loopback=...",
			       token);
	else
		p2pdma_mistake(mistakes,
			       "an option is empty; write auto, off, switch, host, window, deny=..., trust=... or loopback=...");
	return 0;
}

/**
 * p2pdma_policy_free - free a policy that nobody else has seen
 * @policy: from p2pdma_policy_parse()
 */
void p2pdma_policy_free(struct p2pdma_policy *policy)
{
	kfree(policy->deny.match);
	kfree(policy->trust.match);
	kfree(policy->loopback.match);
	kfree(policy->text);
	kfree(policy);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_policy_free);

static void p2pdma_policy_free_rcu(struct rcu_head *rcu)
{
	p2pdma_policy_free(container_of(rcu, struct p2pdma_policy, rcu));
}

/**
 * p2pdma_policy_parse - make a policy of its text, or name all mistakes in it
 * @text: as after p2pdma= ; white space around it does not count
 * @fn: called for each mistake; of very many only for the first, and then for their
 *	number
 * @data: for @fn
 *
 * Context: may sleep.
 *
 * Return: the policy; ERR_PTR(-EINVAL) if there are mistakes; ERR_PTR(-ENOMEM).
 */
struct p2pdma_policy *p2pdma_policy_parse(const char *text,
					  p2pdma_mistake_fn fn, void *data)
{
	struct p2pdma_mistakes mistakes = { .fn = fn, .data = data };
	struct p2pdma_policy *policy;
	char *rest, *token, more[32];
	int ret = -ENOMEM;

	policy = kzalloc(sizeof(*policy), GFP_KERNEL);
	if (!policy)
		return ERR_PTR(-ENOMEM);
	policy->text = kstrdup(text, GFP_KERNEL);
	if (!policy->text)
		goto err;

	rest = strim(policy->text);
	while ((token = strsep(&rest, ","))) {
		ret = p2pdma_parse_option(policy, token, &mistakes);
		if (ret)
			goto err;
	}
	if (!mistakes.count)
		return policy;

	ret = -EINVAL;
	if (mistakes.count > P2PDMA_MISTAKES_NAMED) {
		snprintf(more, sizeof(more), "and %u mistakes more",
			 mistakes.count - P2PDMA_MISTAKES_NAMED);
		fn(more, data);
	}
err:
	p2pdma_policy_free(policy);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_policy_parse);

static void p2pdma_list_show(const struct p2pdma_match_list *list,
			     const char *option, struct seq_buf *s)
{
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		seq_buf_printf(s, "%s%s", i ? ";" : option, list->match[i].text);
		if (list->match[i].writes_only)
			seq_buf_puts(s, "@w");
	}
}

/**
 * p2pdma_policy_show_changed - write a policy as text, with a change
 * @policy: the policy
 * @mode: the mode to show in place of its own
 * @trust: devices to trust too, as after trust= ; or NULL
 * @s: where to
 */
void p2pdma_policy_show_changed(const struct p2pdma_policy *policy,
				enum p2pdma_mode mode, const char *trust,
				struct seq_buf *s)
{
	seq_buf_puts(s, p2pdma_mode_names[mode]);
	p2pdma_list_show(&policy->deny, ",deny=", s);
	p2pdma_list_show(&policy->trust, ",trust=", s);
	if (trust)
		seq_buf_printf(s, "%s%s", policy->trust.count ? ";" : ",trust=",
			       trust);
	p2pdma_list_show(&policy->loopback, ",loopback=", s);
	if (policy->window)
		seq_buf_puts(s, ",window");
}

/**
 * p2pdma_policy_show - write a policy as text that parses to the same policy
 * @policy: the policy
 * @s: where to
 */
void p2pdma_policy_show(const struct p2pdma_policy *policy, struct seq_buf *s)
{
	p2pdma_policy_show_changed(policy, policy->mode, NULL, s);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_policy_show);

static bool p2pdma_matches(const struct p2pdma_match *match,
			   struct pci_dev *pdev)
{
	int i;

	if (match->by_id)
		return (!match->vendor || match->vendor == pdev->vendor) &&
		       (!match->device || match->device == pdev->device) &&
		       (!match->subvendor ||
			match->subvendor == pdev->subsystem_vendor) &&
		       (!match->subdevice ||
			match->subdevice == pdev->subsystem_device);

	for (i = match->hops - 1; pdev && i > 0; i--) {
		if (pdev->devfn != match->devfn[i])
			return false;
		pdev = pci_upstream_bridge(pdev);
	}
	return pdev && pdev->devfn == match->devfn[0] &&
	       pdev->bus->number == match->bus &&
	       pci_domain_nr(pdev->bus) == match->domain;
}

static bool p2pdma_list_matches(const struct p2pdma_match_list *list,
				struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < list->count; i++)
		if (p2pdma_matches(&list->match[i], pdev))
			return true;
	return false;
}

/**
 * p2pdma_policy_denies - does a policy deny a function?
 * @policy: the policy
 * @pdev: the function
 *
 * Context: any.
 *
 * Return: true if it does.
 */
bool p2pdma_policy_denies(const struct p2pdma_policy *policy,
			  struct pci_dev *pdev)
{
	return p2pdma_list_matches(&policy->deny, pdev);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_policy_denies);

/**
 * p2pdma_policy_loops - do two functions of one device reach each other inside it, by the
 *	word of the administrator?
 * @policy: the policy
 * @client: the one
 * @provider: the other
 *
 * Both have to be named, a virtual function by itself or by its physical function.
 *
 * Context: any.
 *
 * Return: true if loopback= says so.
 */
bool p2pdma_policy_loops(const struct p2pdma_policy *policy,
			 struct pci_dev *client, struct pci_dev *provider)
{
	const struct p2pdma_match_list *list = &policy->loopback;

	return (p2pdma_list_matches(list, client) ||
		p2pdma_list_matches(list, pci_physfn(client))) &&
	       (p2pdma_list_matches(list, provider) ||
		p2pdma_list_matches(list, pci_physfn(provider)));
}

/*
 * The active policy.
 */

/* Until the command line has been parsed nothing is allowed. */
static struct p2pdma_policy p2pdma_boot_policy = { .mode = P2PDMA_OFF };
static struct p2pdma_active_policy p2pdma_boot_active = {
	.policy = &p2pdma_boot_policy,
};

static struct p2pdma_active_policy __rcu *p2pdma_active =
	RCU_INITIALIZER(&p2pdma_boot_active);
static DEFINE_MUTEX(p2pdma_policy_lock);
static bool p2pdma_devices_scanned;

/* By root bus, the warning of p2pdma_warn_trust() that was given; never emptied. */
static DEFINE_XARRAY(p2pdma_trust_warned);

/**
 * p2pdma_policy_is_mistake - is a policy that of a boot option which does not count?
 * @policy: the active policy
 *
 * Return: true if P2PDMA is off because p2pdma= has mistakes or is not allowed.
 */
bool p2pdma_policy_is_mistake(const struct p2pdma_policy *policy)
{
	return policy == &p2pdma_boot_policy;
}

static struct p2pdma_policy *p2pdma_policy_locked(void)
{
	return rcu_dereference_protected(p2pdma_active,
					 lockdep_is_held(&p2pdma_policy_lock))->policy;
}

/**
 * p2pdma_active_policy - the active policy
 *
 * Context: any, in an RCU read-side section, for which it is valid.
 *
 * Return: the policy, and the host bridges that it trusts.
 */
const struct p2pdma_active_policy *p2pdma_active_policy(void)
{
	return rcu_dereference(p2pdma_active);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_active_policy);

/**
 * p2pdma_admin_trusts - does trust= name a host bridge?
 * @active: from p2pdma_active_policy()
 * @host: the bridge
 * @reads: for reads from peers, rather than for posted writes only
 *
 * Context: in the same RCU read-side section.
 *
 * Return: true if it does.
 */
bool p2pdma_admin_trusts(const struct p2pdma_active_policy *active,
			 struct pci_host_bridge *host, bool reads)
{
	unsigned int i;

	for (i = 0; i < active->count; i++)
		if (active->trusted[i].host == host)
			return active->trusted[i].reads || !reads;
	return false;
}

/* Warn of trust once for each bridge, and again if reads are added to writes. */
static void p2pdma_warn_trust(struct pci_host_bridge *host, bool reads)
{
	unsigned long key = (unsigned long)pci_domain_nr(host->bus) << 8 |
			    host->bus->number;

	/* For a bridge in the built-in list trust= changes nothing. */
	if (p2pdma_bridge_listed(host, false, false))
		return;
	if (xa_to_value(xa_load(&p2pdma_trust_warned, key)) > reads)
		return;
	xa_store(&p2pdma_trust_warned, key, xa_mk_value(1 + reads), GFP_KERNEL);

	dev_warn(&host->bus->dev,
		 "p2pdma=trust: peer-to-peer %s forced through this host bridge; if it does not forward them, data are corrupted silently\n",
		 reads ? "reads and writes are" : "writes are");
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
}

/* By PCI domain and ID, that p2pdma_warn_loopback() has warned; never emptied. */
static DEFINE_XARRAY(p2pdma_loopback_warned);

/* Warn of loopback= once for each function. */
static void p2pdma_warn_loopback(struct pci_dev *pdev)
{
	unsigned long key = (unsigned long)pci_domain_nr(pdev->bus) << 16 |
			    pci_dev_id(pdev);

	if (xa_load(&p2pdma_loopback_warned, key))
		return;
	xa_store(&p2pdma_loopback_warned, key, xa_mk_value(1), GFP_KERNEL);

	pci_warn(pdev, "p2pdma=loopback: peer-to-peer requests to and from other functions of this device are taken to work; if they do not, data are corrupted silently\n");
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
}

/* Do trust= entries name a function?  Bit 0: any entry; bit 1: one that allows reads. */
static unsigned int p2pdma_trust_of(const struct p2pdma_policy *policy,
				    struct pci_dev *pdev)
{
	unsigned int trust = 0, i;

	for (i = 0; i < policy->trust.count; i++)
		if (p2pdma_matches(&policy->trust.match[i], pdev))
			trust |= policy->trust.match[i].writes_only ? 1 : 3;
	return trust;
}

/* Note that a function's host bridge is trusted; the array has @size entries. */
static void p2pdma_trust_add(struct p2pdma_active_policy *active, unsigned int size,
			     struct pci_dev *pdev, bool reads)
{
	struct pci_host_bridge *host = pci_find_host_bridge(pdev->bus);
	unsigned int i;

	for (i = 0; i < active->count; i++)
		if (active->trusted[i].host == host)
			break;
	if (i == active->count) {
		/* A device added after the count publishes the policy again. */
		if (i == size)
			return;
		active->count++;
		active->trusted[i].host = host;
	}
	active->trusted[i].reads |= reads;
	p2pdma_warn_trust(host, active->trusted[i].reads);
}

/*
 * Make a policy the active one, with the host bridges that it trusts.
 *
 * A function that is on the bus here calls p2pdma_policy_device_changed() when it is
 * removed, which waits for the lock that is held here.  So its host bridge stays for
 * now, and is dropped from the active policy when the function goes.
 */
static int p2pdma_publish(struct p2pdma_policy *policy, gfp_t gfp)
{
	struct p2pdma_active_policy *active, *old;
	struct pci_dev *pdev = NULL;
	unsigned int size = 0;

	lockdep_assert_held(&p2pdma_policy_lock);

	for_each_pci_dev(pdev)
		if (p2pdma_trust_of(policy, pdev))
			size++;

	active = kvzalloc(struct_size(active, trusted, size), gfp);
	if (!active)
		return -ENOMEM;
	active->policy = policy;

	for_each_pci_dev(pdev) {
		unsigned int trust = p2pdma_trust_of(policy, pdev);

		if (trust)
			p2pdma_trust_add(active, size, pdev, trust & 2);
		if (p2pdma_list_matches(&policy->loopback, pdev))
			p2pdma_warn_loopback(pdev);
	}

	old = rcu_replace_pointer(p2pdma_active, active,
				  lockdep_is_held(&p2pdma_policy_lock));
	if (old->policy != policy && old->policy != &p2pdma_boot_policy)
		call_rcu(&old->policy->rcu, p2pdma_policy_free_rcu);
	if (old != &p2pdma_boot_active)
		kvfree_rcu(old, rcu);
	p2pdma_invalidate(P2PDMA_BY_POLICY);
	return 0;
}

static void p2pdma_report_unmatched(const struct p2pdma_match_list *list,
				    const char *option)
{
	struct pci_dev *pdev = NULL;
	unsigned int i;

	for (i = 0; i < list->count; i++) {
		bool found = false;

		for_each_pci_dev(pdev) {
			found = p2pdma_matches(&list->match[i], pdev);
			if (found)
				break;
		}
		pci_dev_put(pdev);
		pdev = NULL;
		if (!found)
			pr_warn("p2pdma=%s=%s matches no device\n", option,
				list->match[i].text);
	}
}

static void p2pdma_policy_report(void)
{
	const struct p2pdma_policy *policy = p2pdma_policy_locked();

	p2pdma_report_unmatched(&policy->deny, "deny");
	p2pdma_report_unmatched(&policy->trust, "trust");
	p2pdma_report_unmatched(&policy->loopback, "loopback");
	if (policy->window)
		pr_info("p2pdma=window: a device that reaches peer memory through an IOMMU keeps access to all of it until its driver is unbound\n");
}

/* Make a policy that nobody else has seen the active one, or free it. */
static int p2pdma_policy_install(struct p2pdma_policy *policy)
{
	int ret;

	guard(mutex)(&p2pdma_policy_lock);

	ret = p2pdma_publish(policy, GFP_KERNEL);
	if (ret)
		p2pdma_policy_free(policy);
	else if (p2pdma_devices_scanned)
		p2pdma_policy_report();
	return ret;
}

/**
 * p2pdma_locked_down - does lockdown keep root from trusting what is not known?
 *
 * With a wrong trust= the DMA of a device lands where nobody can tell, as with a wrong
 * write to its configuration space.  So it is restricted for the same reason.  Tests may
 * stub it.
 *
 * Context: may sleep.
 *
 * Return: 0 or -EPERM.
 */
int p2pdma_locked_down(void)
{
	KUNIT_STATIC_STUB_REDIRECT(p2pdma_locked_down);
	return security_locked_down(LOCKDOWN_PCI_ACCESS);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_locked_down);

/* The option of a policy that lockdown forbids now, or NULL. */
static const char *p2pdma_policy_forbidden(const struct p2pdma_policy *policy)
{
	if (policy->trust.count && p2pdma_locked_down())
		return "trust=";
	return policy->loopback.count && p2pdma_locked_down() ? "loopback=" : NULL;
}

static void p2pdma_set_mistake(const char *mistake, void *data)
{
	pr_err("policy not changed: %s\n", mistake);
}

/**
 * p2pdma_policy_set - replace the active policy
 * @text: its text
 *
 * Context: may sleep.
 *
 * Return: 0; -EINVAL if it does not parse, or -EPERM if lockdown forbids it, with
 * messages in the log; -ENOMEM.  The active policy stays if it fails.
 */
int p2pdma_policy_set(const char *text)
{
	struct p2pdma_policy *policy;
	const char *forbidden;

	policy = p2pdma_policy_parse(text, p2pdma_set_mistake, NULL);
	if (IS_ERR(policy))
		return PTR_ERR(policy);

	forbidden = p2pdma_policy_forbidden(policy);
	if (forbidden) {
		pr_err("policy not changed: %s is not allowed while the kernel is locked down\n",
		       forbidden);
		p2pdma_policy_free(policy);
		return -EPERM;
	}
	return p2pdma_policy_install(policy);
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_policy_set);

/**
 * p2pdma_policy_get - the active policy as text
 *
 * Context: may sleep.
 *
 * Return: the text, for the caller to kfree(); NULL without memory.
 */
char *p2pdma_policy_get(void)
{
	size_t size = 2 * COMMAND_LINE_SIZE + PAGE_SIZE;
	struct seq_buf s;
	char *text;

	text = kmalloc(size, GFP_KERNEL);
	if (!text)
		return NULL;

	seq_buf_init(&s, text, size);
	scoped_guard(mutex, &p2pdma_policy_lock)
		p2pdma_policy_show(p2pdma_policy_locked(), &s);
	seq_buf_str(&s);
	return text;
}
EXPORT_SYMBOL_IF_KUNIT(p2pdma_policy_get);

/**
 * p2pdma_policy_device_changed - a PCI function has come to the bus, or left it
 * @pdev: the function
 *
 * Context: may sleep.
 */
void p2pdma_policy_device_changed(struct pci_dev *pdev)
{
	guard(mutex)(&p2pdma_policy_lock);
	if (p2pdma_list_matches(&p2pdma_policy_locked()->trust, pdev) ||
	    p2pdma_list_matches(&p2pdma_policy_locked()->loopback, pdev))
		p2pdma_publish(p2pdma_policy_locked(),
			       GFP_KERNEL | __GFP_NOFAIL);
}

/*
 * The boot option.  It is parsed when memory can be allocated, just before devices
 * are scanned; until then it is stored as text.
 */
static char p2pdma_boot_text[COMMAND_LINE_SIZE] __initdata;
static bool p2pdma_boot_too_long __initdata;

static int __init p2pdma_setup(char *text)
{
	size_t used = strlen(p2pdma_boot_text);
	size_t room = sizeof(p2pdma_boot_text) - used;

	/* Boot configuration can make it longer than a command line. */
	if (snprintf(p2pdma_boot_text + used, room, "%s%s",
		     used ? "," : "p2pdma=", text ?: "") >= room)
		p2pdma_boot_too_long = true;
	return 1;
}
__setup("p2pdma=", p2pdma_setup);

/* "p2pdma" without a value has no "=" that __setup("p2pdma=") could match. */
static int __init p2pdma_setup_bare(char *text)
{
	return *text ? 0 : p2pdma_setup(text);
}
__setup("p2pdma", p2pdma_setup_bare);

static void __init p2pdma_boot_mistake(const char *mistake, void *data)
{
	pr_err("p2pdma=: %s\n", mistake);
}

/* The policy of the boot option; NULL if it does not count, with messages in the log. */
static struct p2pdma_policy * __init p2pdma_boot_parse(void)
{
	size_t len = str_has_prefix(p2pdma_boot_text, "p2pdma=");
	struct p2pdma_policy *policy;
	const char *forbidden;

	if (p2pdma_boot_too_long)
		pr_err("p2pdma=: all options together are longer than %zu bytes; match devices by ID\n",
		       sizeof(p2pdma_boot_text) - 1);
	policy = p2pdma_policy_parse(len ? p2pdma_boot_text + len : "auto",
				     p2pdma_boot_mistake, NULL);
	if (IS_ERR(policy))
		return NULL;

	forbidden = p2pdma_policy_forbidden(policy);
	if (forbidden)
		pr_err("p2pdma=: %s is not allowed while the kernel is locked down\n",
		       forbidden);
	if (!forbidden && !p2pdma_boot_too_long)
		return policy;
	p2pdma_policy_free(policy);
	return NULL;
}

static int __init p2pdma_policy_init(void)
{
	struct p2pdma_policy *policy = p2pdma_boot_parse();

	if (!policy) {
		pr_err("p2pdma=: peer-to-peer DMA is off; mend the boot option, or write a policy to /sys/kernel/p2pdma/policy\n");
		return 0;
	}
	return p2pdma_policy_install(policy);
}
arch_initcall(p2pdma_policy_init);

static int __init p2pdma_policy_scanned(void)
{
	guard(mutex)(&p2pdma_policy_lock);
	p2pdma_devices_scanned = true;
	p2pdma_policy_report();
	return 0;
}
late_initcall(p2pdma_policy_scanned);
