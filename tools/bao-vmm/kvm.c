// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "kvm.h"

void die(const char *fmt, ...)
{
	int error = errno;
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (error)
		fprintf(stderr, "bao-vmm: %s: %s\n", line, strerror(error));
	else
		fprintf(stderr, "bao-vmm: %s\n", line);
	/* not exit(): other threads still run and use what its handlers would tear down */
	_exit(1);
}

int kvm_open(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/kvm");
	if (kvm_ioctl_int(fd, KVM_GET_API_VERSION, 0, "KVM_GET_API_VERSION") != KVM_API_VERSION)
		die("unknown version of KVM");
	return fd;
}

int kvm_ioctl(int fd, unsigned long request, void *arg, const char *what)
{
	int ret = ioctl(fd, request, arg);

	if (ret < 0)
		die("%s", what);
	return ret;
}

int kvm_ioctl_int(int fd, unsigned long request, unsigned long arg, const char *what)
{
	return kvm_ioctl(fd, request, (void *)arg, what);
}

int kvm_create_device(int vm, uint32_t type, const char *what)
{
	struct kvm_create_device device = { .type = type };

	kvm_ioctl(vm, KVM_CREATE_DEVICE, &device, what);
	return device.fd;
}

void kvm_set_attr(int fd, uint32_t group, uint64_t attr, void *value, const char *what)
{
	struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

	kvm_ioctl(fd, KVM_SET_DEVICE_ATTR, &a, what);
}

void kvm_map(int vm, uint32_t slot, uint64_t addr, uint64_t size, void *mem)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = addr,
		.memory_size = size,
		.userspace_addr = (uintptr_t)mem,
	};

	kvm_ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
}

uint64_t kvm_get_reg(int vcpu, uint64_t id)
{
	uint64_t value;
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	kvm_ioctl(vcpu, KVM_GET_ONE_REG, &reg, "KVM_GET_ONE_REG");
	return value;
}

void kvm_set_reg(int vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	kvm_ioctl(vcpu, KVM_SET_ONE_REG, &reg, "KVM_SET_ONE_REG");
}
