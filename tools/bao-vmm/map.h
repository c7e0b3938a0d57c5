/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest-physical map of the VMs. C and device-tree sources share this file: plain numbers only.
 */
#ifndef BAO_VMM_MAP_H
#define BAO_VMM_MAP_H

#define MAP_RAM_ARM		0x40000000
#define MAP_RAM_RISCV		0x80000000

/* From the start of RAM */
#define MAP_KERNEL_ARM64	0x00000000
#define MAP_KERNEL_ARM		0x01000000
#define MAP_KERNEL_RISCV	0x00200000
#define MAP_INITRD		0x04000000
#define MAP_DTB			0x07800000
#define MAP_DTB_END		0x08000000

/* Interrupt controllers: in KVM */
#define MAP_GICD		0x08000000
#define MAP_GICD_SIZE		0x10000
#define MAP_GICR		0x080a0000
#define MAP_GICR_SIZE		0x20000		/* of each CPU */
#define MAP_APLIC		0x0d000000
#define MAP_APLIC_SIZE		0x4000
#define MAP_IMSIC		0x28000000
#define MAP_IMSIC_SIZE		0x1000		/* of each CPU */
#define MAP_INTERRUPTS		32
#define MAP_IMSIC_IDS		63

#define MAP_UART		0x09000000
#define MAP_UART_SIZE		0x1000
#define MAP_UART_IRQ		1

/* Backend VM only */
#define MAP_TESTPORT		0x0b000000
#define MAP_TESTPORT_SIZE	0x1000

/* Remote-I/O device n */
#define MAP_WINDOW		0x60000000	/* + n * size: shared memory */
#define MAP_WINDOW_SIZE		0x01000000
#define MAP_VIRTIO		0x0a000000	/* + n * size: the frontend's registers */
#define MAP_VIRTIO_SIZE		0x200
#define MAP_BACKEND_IRQ		8		/* + n */
#define MAP_FRONTEND_IRQ	16		/* + n */

/* IPC object i: the first half is the backend's to write, the second the frontend's */
#define MAP_IPC			0x70000000	/* + i * size */
#define MAP_IPC_SIZE		0x00200000
#define MAP_IPC_IRQ		24		/* + i + 2 * event, in both VMs, of the first two */
#define MAP_IPC_EVENTS		4

#endif
