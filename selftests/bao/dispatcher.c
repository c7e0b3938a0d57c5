// SPDX-License-Identifier: GPL-2.0
/* The dispatcher: layouts of the ABI, BAO_IOCTL_DM_GET_INFO, what does not belong there */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "backend.h"

#define DM 0

TEST(ioctl_numbers_are_those_of_the_first_series)
{
	EXPECT_EQ(0xC020A601u, BAO_IOCTL_DM_GET_INFO);
	EXPECT_EQ(0xC030A602u, BAO_IOCTL_IO_CLIENT_ATTACH);
	EXPECT_EQ(0x4030A603u, BAO_IOCTL_IO_REQUEST_COMPLETE);
	EXPECT_EQ(0x4020A604u, BAO_IOCTL_IOEVENTFD);
	EXPECT_EQ(0x4008A605u, BAO_IOCTL_IRQFD);
}

TEST(number_of_next_is_a_new_one)
{
	EXPECT_EQ(0xC030A606u, BAO_IOCTL_IO_REQUEST_NEXT);
}

TEST(layouts_are_those_of_the_first_series)
{
	EXPECT_EQ(48, sizeof(struct bao_virtio_request));
	EXPECT_EQ(0, offsetof(struct bao_virtio_request, dm_id));
	EXPECT_EQ(8, offsetof(struct bao_virtio_request, addr));
	EXPECT_EQ(16, offsetof(struct bao_virtio_request, op));
	EXPECT_EQ(24, offsetof(struct bao_virtio_request, value));
	EXPECT_EQ(32, offsetof(struct bao_virtio_request, access_width));
	EXPECT_EQ(40, offsetof(struct bao_virtio_request, request_id));

	EXPECT_EQ(32, sizeof(struct bao_ioeventfd));
	EXPECT_EQ(0, offsetof(struct bao_ioeventfd, fd));
	EXPECT_EQ(4, offsetof(struct bao_ioeventfd, flags));
	EXPECT_EQ(8, offsetof(struct bao_ioeventfd, addr));
	EXPECT_EQ(16, offsetof(struct bao_ioeventfd, len));
	EXPECT_EQ(20, offsetof(struct bao_ioeventfd, reserved));
	EXPECT_EQ(24, offsetof(struct bao_ioeventfd, data));

	EXPECT_EQ(8, sizeof(struct bao_irqfd));
	EXPECT_EQ(0, offsetof(struct bao_irqfd, fd));
	EXPECT_EQ(4, offsetof(struct bao_irqfd, flags));

	EXPECT_EQ(32, sizeof(struct bao_dm_info));
	EXPECT_EQ(0, offsetof(struct bao_dm_info, id));
	EXPECT_EQ(8, offsetof(struct bao_dm_info, shmem_addr));
	EXPECT_EQ(16, offsetof(struct bao_dm_info, shmem_size));
	EXPECT_EQ(24, offsetof(struct bao_dm_info, irq));
	EXPECT_EQ(28, offsetof(struct bao_dm_info, fd));

	EXPECT_EQ(2, BAO_IOEVENTFD_FLAG_DATAMATCH);
	EXPECT_EQ(4, BAO_IOEVENTFD_FLAG_DEASSIGN);
	EXPECT_EQ(1, BAO_IRQFD_FLAG_DEASSIGN);
}

#define FILE_MAX	"/proc/sys/fs/file-max"

FIXTURE(dispatcher) {
	int fd;
};

FIXTURE_SETUP(dispatcher)
{
	SET_UP_OR_SKIP();
	self->fd = dispatcher_open();
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(dispatcher)
{
	TEAR_DOWN();
}

TEST_F(dispatcher, describes_every_device_model)
{
	struct bao_dm_info info[64];
	unsigned int i, j;

	ASSERT_LE(2, frontend_devices());
	for (i = 0; i < frontend_devices(); i++) {
		memset(&info[i], 0xff, sizeof(info[i]));
		info[i].id = i;
		ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &info[i]));
		EXPECT_EQ(i, info[i].id);
		EXPECT_EQ(frontend_shmem_addr(i), info[i].shmem_addr);
		EXPECT_EQ(frontend_shmem_size(i), info[i].shmem_size);
		EXPECT_NE(0, info[i].irq);
		EXPECT_LE(0, info[i].fd);
		for (j = 0; j < i; j++)
			EXPECT_NE(info[j].irq, info[i].irq);
	}
}

TEST_F(dispatcher, irq_is_the_one_that_is_named_after_it)
{
	char line[4096], name[32];
	struct bao_dm_info info;
	unsigned int i;
	size_t length;
	FILE *file;
	bool found;

	for (i = 0; i < frontend_devices(); i++) {
		ASSERT_LE(0, dm_open_info(i, &info));
		snprintf(name, sizeof(name), " bao-remio.%u\n", i);
		file = fopen("/proc/interrupts", "r");
		ASSERT_TRUE(!!file);
		found = false;
		while (!found && fgets(line, sizeof(line), file)) {
			length = strlen(line);
			found = strtoul(line, NULL, 10) == info.irq && length > strlen(name) &&
				!strcmp(line + length - strlen(name), name);
		}
		fclose(file);
		EXPECT_TRUE(found)
			TH_LOG("interrupt %u of device model %u", info.irq, i);
	}
}

/* The driver must know which, to be on it when it masks the interrupt: Bao asks for that */
TEST_F(dispatcher, irq_has_a_cpu)
{
	char path[64], line[64];
	struct bao_dm_info info;
	unsigned int round;
	FILE *file;

	if (frontend_is_simulated())
		SKIP(return, "the simulator's interrupts are delivered anywhere");
	for (round = 0; round < 2; round++) {
		ASSERT_LE(0, dm_open_info(0, &info));
		snprintf(path, sizeof(path), "/proc/irq/%u/effective_affinity_list", info.irq);
		file = fopen(path, "r");
		if (!file)
			SKIP(return, "the kernel does not tell");
		EXPECT_TRUE(fgets(line, sizeof(line), file) && *line != '\n');
		fclose(file);
		/* And it still does after the interrupt was freed and requested again */
		ASSERT_EQ(0, endpoints_unbind());
		ASSERT_EQ(0, endpoints_bind());
	}
}

TEST_F(dispatcher, zeroes_the_padding)
{
	struct bao_dm_info info;
	__u32 padding;

	memset(&info, 0xff, sizeof(info));
	info.id = DM;
	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &info));
	memcpy(&padding, (char *)&info + sizeof(info.id), sizeof(padding));
	EXPECT_EQ(0, padding);
}

TEST_F(dispatcher, unknown_id_is_enoent)
{
	const __u32 ids[] = { frontend_devices(), 63, 64, 65, 0x7fffffff, 0x80000000, 0xffffffff };
	int before = count_fds();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		struct bao_dm_info info = { .id = ids[i] };

		EXPECT_EQ(-ENOENT, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &info))
			TH_LOG("id %#x", ids[i]);
	}
	EXPECT_EQ(before, count_fds());
}

TEST_F(dispatcher, bad_pointer_is_efault_and_leaks_no_descriptor)
{
	struct bao_dm_info *info = mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = count_fds();

	ASSERT_TRUE(info != MAP_FAILED);
	info->id = DM;
	ASSERT_EQ(0, mprotect(info, getpagesize(), PROT_READ));

	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, NULL));
	/* Can be read but not written to */
	EXPECT_EQ(-EFAULT, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, info));
	EXPECT_EQ(before, count_fds());
}

TEST_F(dispatcher, no_descriptor_left_is_emfile)
{
	struct bao_dm_info info = { .id = DM };
	struct rlimit old, limit;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = dup(self->fd);	/* the lowest free number, now taken */
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &info));
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &old));
	close(limit.rlim_cur);
	EXPECT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &info));
}

/* Only processes without privileges are refused when the system is out of files */
static int get_info_as_nobody(void *arg)
{
	struct bao_dm_info info = { .id = DM };

	if (setuid(65534))
		return 255;
	return -do_ioctl(*(int *)arg, BAO_IOCTL_DM_GET_INFO, &info);
}

TEST_F(dispatcher, out_of_files_is_enfile)
{
	char max[32] = "";
	pid_t child;
	int fd;

	fd = open(FILE_MAX, O_RDONLY);
	ASSERT_LE(0, fd);
	ASSERT_LT(0, read(fd, max, sizeof(max)));
	close(fd);
	max[strcspn(max, "\n")] = 0;

	ASSERT_EQ(0, write_file(FILE_MAX, "0"));
	child = spawn(get_info_as_nobody, &self->fd);
	EXPECT_EQ(ENFILE, reap(child));
	ASSERT_EQ(0, write_file(FILE_MAX, max));
	child = spawn(get_info_as_nobody, &self->fd);
	EXPECT_EQ(0, reap(child));
}

TEST_F(dispatcher, unknown_ioctl_is_enotty)
{
	static const unsigned long unknown[] = {
		_IO(BAO_IOCTL_TYPE, 0x00),
		_IO(BAO_IOCTL_TYPE, 0x01),
		_IOWR(BAO_IOCTL_TYPE, 0x01, struct bao_irqfd),
		_IOW(BAO_IOCTL_TYPE, 0x02, struct bao_virtio_request),
		_IOW(BAO_IOCTL_TYPE, 0x06, struct bao_irqfd),
		_IOWR(BAO_IOCTL_TYPE, 0xff, struct bao_virtio_request),
		_IOWR(BAO_IOCTL_TYPE + 1, 0x01, struct bao_dm_info),
		0,
	};
	__u64 arg[8] = { 0 };
	int dm = dm_open(DM);
	unsigned int i;

	ASSERT_LE(0, dm);
	for (i = 0; i < ARRAY_SIZE(unknown); i++) {
		EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, unknown[i], arg))
			TH_LOG("dispatcher, %#lx", unknown[i]);
		EXPECT_EQ(-ENOTTY, do_ioctl(dm, unknown[i], arg))
			TH_LOG("device model, %#lx", unknown[i]);
	}
}

TEST_F(dispatcher, ioctls_of_the_other_kind_are_enotty)
{
	__u64 arg[8] = { 0 };
	int dm = dm_open(DM);

	ASSERT_LE(0, dm);
	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, BAO_IOCTL_IO_CLIENT_ATTACH, arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_COMPLETE, arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, BAO_IOCTL_IO_REQUEST_NEXT, arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, BAO_IOCTL_IOEVENTFD, arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(self->fd, BAO_IOCTL_IRQFD, arg));
	EXPECT_EQ(-ENOTTY, do_ioctl(dm, BAO_IOCTL_DM_GET_INFO, arg));
}

TEST_F(dispatcher, dm_descriptor_is_read_write_and_closes_on_exec)
{
	int dm = dm_open(DM);

	ASSERT_LE(0, dm);
	EXPECT_EQ(FD_CLOEXEC, fcntl(dm, F_GETFD));
	EXPECT_EQ(O_RDWR, fcntl(dm, F_GETFL) & O_ACCMODE);
}

TEST_F(dispatcher, dm_descriptor_outlives_it)
{
	struct bao_dm_info info = { .id = DM };
	struct bao_virtio_request req;

	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &info));
	close_fd(self->fd);
	frontend_start(DM, 0, read_of(frontend_window(DM), 4), 1);
	ASSERT_EQ(0, dm_attach(info.fd, &req));
	ASSERT_EQ(0, dm_answer(info.fd, req, 0x74726976));
	EXPECT_EQ(0x74726976, frontend_result(DM, 0));
	close(info.fd);
}

TEST_F(dispatcher, too_many_descriptors_are_ebusy)
{
	int fd[200], other, n;

	for (n = 0; n < ARRAY_SIZE(fd); n++) {
		fd[n] = dm_open(DM);
		if (fd[n] < 0)
			break;
	}
	ASSERT_LT(n, ARRAY_SIZE(fd));
	EXPECT_LT(1, n);
	EXPECT_EQ(-EBUSY, fd[n]);
	/* Others are not concerned */
	other = dm_open(DM + 1);
	EXPECT_LE(0, other);
	close_fd(fd[0]);
	EXPECT_LE(0, dm_open(DM));
	EXPECT_EQ(-EBUSY, dm_open(DM));
}

static int get_all_infos(void *arg)
{
	unsigned int i;
	int fd = dispatcher_open();

	(void)arg;
	if (fd < 0)
		return 1;
	for (i = 0; i < frontend_devices(); i++) {
		struct bao_dm_info info = { .id = i };

		if (do_ioctl(fd, BAO_IOCTL_DM_GET_INFO, &info))
			return 2;
	}
	return 0;
}

TEST_F(dispatcher, opens_several_times)
{
	pid_t pid;

	/* self->fd is open as well */
	ASSERT_EQ(0, get_all_infos(NULL));
	pid = spawn(get_all_infos, NULL);
	ASSERT_LT(0, pid);
	EXPECT_EQ(0, reap(pid));
}

TEST_F(dispatcher, every_call_gives_another_descriptor)
{
	struct bao_dm_info a = { .id = DM }, b = { .id = DM };
	struct bao_virtio_request req;

	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &a));
	ASSERT_EQ(0, do_ioctl(self->fd, BAO_IOCTL_DM_GET_INFO, &b));
	EXPECT_NE(a.fd, b.fd);
	/* File status flags belong to the open file, not to the number */
	ASSERT_EQ(0, fcntl(a.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(0, fcntl(b.fd, F_GETFL) & O_NONBLOCK);
	EXPECT_EQ(-EAGAIN, dm_take(a.fd, &req));
	close(a.fd);
	close(b.fd);
}

TEST_HARNESS_MAIN
