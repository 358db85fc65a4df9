// SPDX-License-Identifier: GPL-2.0
/* File systems on the drives, and what is in them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "guest.h"

/* DRIVE FOLDER: an ext2 file system, in a folder that is made. */
void filesystem_mount(unsigned int step, char *args)
{
	const struct drive *drive;
	char *rest, *name, *folder, path[NAME_LEN + 8];

	name = strtok_r(args, " ", &rest);
	folder = strtok_r(NULL, " ", &rest);
	drive = name ? drive_find(name) : NULL;
	if (!drive || !folder) {
		report_trouble(step, "mount: DRIVE must be a drive, FOLDER a path");
		return;
	}
	mkdir(folder, 0755);
	snprintf(path, sizeof(path), "/dev/%s", drive->block);
	if (mount(path, folder, "ext2", 0, NULL))
		report_trouble(step, "%s cannot be mounted: %s", path,
			       strerror(errno));
}

void filesystem_unmount(unsigned int step, const char *folder)
{
	if (umount(folder))
		report_trouble(step, "%s cannot be unmounted: %s", folder,
			       strerror(errno));
}

/* The names in a folder, and the room that its file system has left. */
void filesystem_list(unsigned int step, const char *folder)
{
	DIR *dir = opendir(folder);
	struct statvfs room = {};
	struct dirent *entry;

	if (!dir || statvfs(folder, &room)) {
		report_trouble(step, "%s: %s", folder, strerror(errno));
		if (dir)
			closedir(dir);
		return;
	}
	while ((entry = readdir(dir))) {
		report_begin("entry", step);
		report_text("name", entry->d_name);
		report_end();
	}
	closedir(dir);
	report_begin("room", step);
	report_number("blocks", room.f_bfree);
	report_number("files", room.f_ffree);
	report_end();
}
