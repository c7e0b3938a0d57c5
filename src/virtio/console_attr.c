// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of consoles in configfs
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kstrtox.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "console.h"

/* Between names */
#define BAO_CONSOLE_BLANK	" \t\r\n"

static struct bao_console *item_to_bao_console(struct config_item *item)
{
	return to_bao_console(to_bao_vdev(item));
}

static ssize_t bao_console_show(struct bao_console *console, const u32 *number, char *page)
{
	ssize_t len;

	mutex_lock(&console->vdev.mutex);
	len = sprintf(page, "%u\n", *number);
	mutex_unlock(&console->vdev.mutex);

	return len;
}

static ssize_t bao_console_store(struct bao_console *console, u32 *number, u32 min, u32 max,
				 const char *page, size_t len)
{
	u32 value;
	int ret;

	ret = kstrtou32(page, 0, &value);
	if (ret)
		return ret;
	if (value < min || value > max)
		return -ERANGE;

	ret = bao_vdev_configure(&console->vdev);
	if (ret)
		return ret;
	*number = value;
	bao_vdev_configured(&console->vdev);

	return len;
}

static ssize_t bao_console_ports_show(struct config_item *item, char *page)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_show(console, &console->nr_ports, page);
}

static ssize_t bao_console_ports_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_store(console, &console->nr_ports, 1, BAO_CONSOLE_MAX_PORTS, page, len);
}
CONFIGFS_ATTR(bao_console_, ports);

static ssize_t bao_console_cols_show(struct config_item *item, char *page)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_show(console, &console->cols, page);
}

static ssize_t bao_console_cols_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_store(console, &console->cols, 0, U16_MAX, page, len);
}
CONFIGFS_ATTR(bao_console_, cols);

static ssize_t bao_console_rows_show(struct config_item *item, char *page)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_show(console, &console->rows, page);
}

static ssize_t bao_console_rows_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_store(console, &console->rows, 0, U16_MAX, page, len);
}
CONFIGFS_ATTR(bao_console_, rows);

static ssize_t bao_console_hold_ms_show(struct config_item *item, char *page)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_show(console, &console->hold, page);
}

/* A day at most, which is as good as no limit, and far below what overflows */
static ssize_t bao_console_hold_ms_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_console *console = item_to_bao_console(item);

	return bao_console_store(console, &console->hold, 0, 24 * 60 * 60 * MSEC_PER_SEC, page,
				 len);
}
CONFIGFS_ATTR(bao_console_, hold_ms);

static bool bao_console_good_name(const char *name, size_t len)
{
	size_t i;

	if (len >= BAO_CONSOLE_NAME_SIZE)
		return false;
	for (i = 0; i < len; i++)
		if (iscntrl(name[i]))
			return false;

	return true;
}

/* Copies names to @names, unless that is NULL. Returns their number, or -EINVAL. */
static int bao_console_scan_names(const char *list, char (*names)[BAO_CONSOLE_NAME_SIZE])
{
	unsigned int nr = 0;
	size_t len;

	for (;;) {
		list += strspn(list, BAO_CONSOLE_BLANK);
		len = strcspn(list, BAO_CONSOLE_BLANK);
		if (!len)
			return nr;
		if (nr == BAO_CONSOLE_MAX_PORTS || !bao_console_good_name(list, len))
			return -EINVAL;
		/* A port without a name has to be skipped somehow */
		if (names && !(len == 1 && *list == '-'))
			memcpy(names[nr], list, len);
		list += len;
		nr++;
	}
}

static ssize_t bao_console_names_show(struct config_item *item, char *page)
{
	struct bao_console *console = item_to_bao_console(item);
	ssize_t len = 0;
	u32 i;

	mutex_lock(&console->vdev.mutex);
	for (i = 0; i < console->nr_names; i++)
		len += sprintf(page + len, "%s%s", i ? " " : "",
			       console->names[i][0] ? console->names[i] : "-");
	mutex_unlock(&console->vdev.mutex);

	return len + sprintf(page + len, "\n");
}

static ssize_t bao_console_names_store(struct config_item *item, const char *page, size_t len)
{
	struct bao_console *console = item_to_bao_console(item);
	int nr, ret;

	nr = bao_console_scan_names(page, NULL);
	if (nr < 0)
		return nr;

	ret = bao_vdev_configure(&console->vdev);
	if (ret)
		return ret;
	memset(console->names, 0, sizeof(console->names));
	bao_console_scan_names(page, console->names);
	console->nr_names = nr;
	bao_vdev_configured(&console->vdev);

	return len;
}
CONFIGFS_ATTR(bao_console_, names);

static ssize_t bao_console_ttys_show(struct config_item *item, char *page)
{
	struct bao_console *console = item_to_bao_console(item);
	ssize_t len = 0;
	u32 i;

	mutex_lock(&console->vdev.mutex);
	for (i = 0; console->vdev.live && i < console->nr_ports; i++)
		len += sprintf(page + len, "%s%s%d", i ? " " : "", BAO_CONSOLE_TTY,
			       console->ports[i]->line);
	mutex_unlock(&console->vdev.mutex);

	return len + sprintf(page + len, "\n");
}
CONFIGFS_ATTR_RO(bao_console_, ttys);

static ssize_t bao_console_dropped_show(struct config_item *item, char *page)
{
	struct bao_console *console = item_to_bao_console(item);

	return sprintf(page, "%lu\n", (unsigned long)atomic_long_read(&console->dropped));
}
CONFIGFS_ATTR_RO(bao_console_, dropped);

/* Attributes of consoles besides those that all devices have */
struct configfs_attribute *bao_console_attrs[] = {
	&bao_console_attr_ports,
	&bao_console_attr_names,
	&bao_console_attr_cols,
	&bao_console_attr_rows,
	&bao_console_attr_hold_ms,
	&bao_console_attr_ttys,
	&bao_console_attr_dropped,
	NULL
};
