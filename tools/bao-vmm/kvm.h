/* SPDX-License-Identifier: GPL-2.0 */
/* Thin wrappers of what is used of KVM. Every failure ends the program with one line. */
#ifndef BAO_VMM_KVM_H
#define BAO_VMM_KVM_H

#include <stdint.h>

#include <linux/kvm.h>

#define __noreturn	__attribute((noreturn))
#define __printf(a, b)	__attribute((format(printf, a, b)))

/* Print one line with the meaning of errno, if that is set, and exit with status 1 */
void __noreturn __printf(1, 2) die(const char *fmt, ...);

int kvm_open(void);
int kvm_ioctl(int fd, unsigned long request, void *arg, const char *what);
int kvm_ioctl_int(int fd, unsigned long request, unsigned long arg, const char *what);
int kvm_create_device(int vm, uint32_t type, const char *what);
void kvm_set_attr(int fd, uint32_t group, uint64_t attr, void *value, const char *what);
void kvm_map(int vm, uint32_t slot, uint64_t addr, uint64_t size, void *mem);
uint64_t kvm_get_reg(int vcpu, uint64_t id);
void kvm_set_reg(int vcpu, uint64_t id, uint64_t value);

#endif
