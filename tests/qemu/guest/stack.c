// SPDX-License-Identifier: GPL-2.0
/*
 * Stacked block devices, made by ioctls: device mapper and md.
 *
 * Nothing is written on the members to describe them.  A device-mapper target uses
 * the first PART bytes of each member, so that a few MiB of I/O cross from one to
 * the next; md uses all of a member.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/major.h>
#include <linux/raid/md_p.h>
#include <linux/raid/md_u.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "guest.h"

#define MAX_MEMBERS	4
#define SECTOR		512ULL
#define PART		(1536ULL << 10)
#define CHUNK		(64ULL << 10)	/* of stripes */
#define MD_NEW		"/sys/module/md_mod/parameters/new_array"

/* 32 bytes of key: that the data are encrypted is all that is asked. */
#define CRYPT_KEY	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

struct stack {
	char name[NAME_LEN];
	char node[NAME_LEN];	/* below /dev */
	bool md;
};

static struct stack stacks[MAX_DRIVES];

/* One device-mapper command, with up to two targets for DM_TABLE_LOAD. */
struct dm_command {
	struct dm_ioctl head;
	struct {
		struct dm_target_spec spec;
		char text[256];
	} target[MAX_MEMBERS];
};

static int dm_command(unsigned long request, const char *name,
		      struct dm_command *command)
{
	struct dm_ioctl *head = &command->head;
	int fd, error = 0;

	head->version[0] = DM_VERSION_MAJOR;
	head->data_size = sizeof(*command);
	head->data_start = offsetof(struct dm_command, target);
	snprintf(head->name, sizeof(head->name), "%s", name);

	fd = open("/dev/" DM_DIR "/" DM_CONTROL_NODE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (ioctl(fd, request, command))
		error = errno;
	close(fd);
	return error;
}

[[gnu::format(printf, 5, 6)]]
static void dm_target(struct dm_command *command, const char *type,
		      __u64 start, __u64 size, const char *format, ...)
{
	unsigned int i = command->head.target_count++;
	struct dm_target_spec *spec = &command->target[i].spec;
	va_list args;

	spec->sector_start = start / SECTOR;
	spec->length = size / SECTOR;
	spec->next = sizeof(command->target[0]);
	snprintf(spec->target_type, sizeof(spec->target_type), "%s", type);
	va_start(args, format);
	vsnprintf(command->target[i].text, sizeof(command->target[i].text),
		  format, args);
	va_end(args);
}

static int dm_make(struct stack *stack, const char *kind,
		   const struct drive **members, unsigned int count)
{
	struct dm_command command = {};
	unsigned int i;
	int error;

	error = dm_command(DM_DEV_CREATE, stack->name, &command);
	if (error)
		return error;
	snprintf(stack->node, sizeof(stack->node), "dm-%u",
		 minor(command.head.dev));

	memset(&command, 0, sizeof(command));
	if (!strcmp(kind, "striped")) {
		dm_target(&command, kind, 0, 2 * PART,
			  "2 %llu /dev/%s 0 /dev/%s 0", CHUNK / SECTOR,
			  members[0]->block, members[count - 1]->block);
	} else {
		for (i = 0; i < count; i++) {
			if (!strcmp(kind, "crypt"))
				dm_target(&command, kind, i * PART, PART,
					  "aes-cbc-plain64 %s 0 /dev/%s 0",
					  CRYPT_KEY, members[i]->block);
			else
				dm_target(&command, kind, i * PART, PART,
					  "/dev/%s 0", members[i]->block);
		}
	}
	error = dm_command(DM_TABLE_LOAD, stack->name, &command);
	if (!error) {
		memset(&command, 0, sizeof(command));
		error = dm_command(DM_DEV_SUSPEND, stack->name, &command);
	}
	return error;
}

static int md_add(int fd, const struct drive *member, unsigned int number)
{
	mdu_disk_info_t disk = {
		.number = number,
		.raid_disk = number,
		.state = 1 << MD_DISK_ACTIVE | 1 << MD_DISK_SYNC,
	};
	char path[NAME_LEN + 8];
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", member->block);
	if (stat(path, &st))
		return errno;
	disk.major = major(st.st_rdev);
	disk.minor = minor(st.st_rdev);
	return ioctl(fd, ADD_NEW_DISK, &disk) ? errno : 0;
}

static int md_make(struct stack *stack, int level, const struct drive **members,
		   unsigned int count)
{
	mdu_array_info_t info = {
		.minor_version = 90,
		.level = level,
		.nr_disks = count,
		.raid_disks = count,
		.not_persistent = 1,
		.state = 1 << MD_SB_CLEAN,
		.chunk_size = level ? 0 : CHUNK,
	};
	char path[NAME_LEN + 8];
	unsigned int i;
	int fd, error;

	snprintf(stack->node, sizeof(stack->node), "md_%.32s", stack->name);
	error = file_write(MD_NEW, stack->node, strlen(stack->node));
	if (error)
		return error;
	snprintf(path, sizeof(path), "/dev/%s", stack->node);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	error = ioctl(fd, SET_ARRAY_INFO, &info) ? errno : 0;
	for (i = 0; i < count && !error; i++)
		error = md_add(fd, members[i], i);
	if (!error && ioctl(fd, RUN_ARRAY, NULL))
		error = errno;
	close(fd);
	return error;
}

/* "NAME KIND MEMBER...": from then on NAME is a drive. */
void stack_make(unsigned int step, char *args)
{
	const struct drive *members[MAX_MEMBERS];
	char *rest, *name, *kind, *word;
	struct stack *stack = stacks;
	unsigned int count = 0;
	int error;

	name = strtok_r(args, " ", &rest);
	kind = name ? strtok_r(NULL, " ", &rest) : NULL;
	while (kind && count < MAX_MEMBERS &&
	       (word = strtok_r(NULL, " ", &rest))) {
		members[count] = drive_find(word);
		if (!members[count++]) {
			report_trouble(step, "stack: there is no %s", word);
			return;
		}
	}
	while (stack < stacks + MAX_DRIVES && stack->name[0])
		stack++;
	if (!count || stack == stacks + MAX_DRIVES) {
		report_trouble(step, "stack: NAME, KIND and MEMBERs are needed");
		return;
	}

	snprintf(stack->name, sizeof(stack->name), "%s", name);
	stack->md = !strncmp(kind, "raid", 4);
	if (stack->md)
		error = md_make(stack, atoi(kind + 4), members, count);
	else
		error = dm_make(stack, kind, members, count);
	if (error)
		report_trouble(step, "stack: %s: %s", name, strerror(error));
	else if (!drive_add(name, stack->node))
		report_trouble(step, "stack: /dev/%s does not appear",
			       stack->node);
}

/* "NAME": gives its members free. */
void stack_remove(unsigned int step, const char *name)
{
	struct dm_command command = {};
	struct stack *stack = stacks;
	char path[NAME_LEN + 8];
	int fd, error = 0;

	while (stack < stacks + MAX_DRIVES && strcmp(stack->name, name))
		stack++;
	if (stack == stacks + MAX_DRIVES) {
		report_trouble(step, "unstack: there is no %s", name);
		return;
	}
	if (stack->md) {
		snprintf(path, sizeof(path), "/dev/%s", stack->node);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, STOP_ARRAY, NULL))
			error = errno;
		if (fd >= 0)
			close(fd);
	} else {
		error = dm_command(DM_DEV_REMOVE, name, &command);
	}
	if (error)
		report_trouble(step, "unstack: %s: %s", name, strerror(error));
	drive_forget(name);
	memset(stack, 0, sizeof(*stack));
}
