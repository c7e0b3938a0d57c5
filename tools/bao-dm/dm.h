/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bao-dm: a small virtio-blk device model on the user ABI of Bao's remote I/O.
 *
 * Two threads: the I/O thread answers the frontend's register accesses one by one (main.c, mmio.c),
 * the worker serves the virtqueue (queue.c, blk.c). All that has to outlive the process is in
 * struct dm_state, which --state keeps in a file (state.c).
 */
#ifndef BAO_DM_H
#define BAO_DM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <linux/bao.h>

/*
 * The header of the first public driver series has the structures and the ioctls only. What is
 * missing there is defined here, so that this program builds against it as well.
 */
#ifndef BAO_IO_WRITE
#define BAO_IO_WRITE	0
#define BAO_IO_READ	1
#define BAO_IO_ASK	2
#endif
#ifndef BAO_IOEVENTFD_FLAG_DATAMATCH
#define BAO_IOEVENTFD_FLAG_DATAMATCH	0x2
#define BAO_IOEVENTFD_FLAG_DEASSIGN	0x4
#endif

#define MMIO_WINDOW_SIZE	0x200
#define QUEUE_MAX		128
#define SEG_MAX			(QUEUE_MAX - 2)
#define SECTOR_SIZE		512

/**
 * struct dm_state - what a successor must know to go on where this process was killed
 * @magic: DM_STATE_MAGIC, written last
 * @dm_id: device model that the state is of
 * @window: frontend's guest-physical address of the register window
 * @device_features_sel: DeviceFeaturesSel register
 * @driver_features_sel: DriverFeaturesSel register
 * @driver_features: what the driver accepted
 * @queue_sel: QueueSel register
 * @status: Status register; the worker sets NEEDS_RESET in it, so it is accessed atomically
 * @interrupt_status: InterruptStatus register; accessed atomically, set by the worker
 * @queue_num: QueueNum register of queue 0
 * @queue_ready: QueueReady register of queue 0
 * @desc: guest-physical address of the descriptor table
 * @driver: guest-physical address of the available ring
 * @device: guest-physical address of the used ring
 *
 * There is no ring position in here: see queue.c.
 */
struct dm_state {
	uint32_t magic;
	uint32_t dm_id;
	uint64_t window;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint32_t driver_features[2];
	uint32_t queue_sel;
	uint32_t status;
	uint32_t interrupt_status;
	uint32_t queue_num;
	uint32_t queue_ready;
	uint64_t desc;
	uint64_t driver;
	uint64_t device;
};

#define DM_STATE_MAGIC	0x306d6442

/**
 * struct dm - the device model
 * @fd: DM file descriptor
 * @irqfd: eventfd whose writes interrupt the frontend
 * @kickfd: eventfd that the driver's QueueNotify signals
 * @image: file descriptor of the disk image
 * @read_only: the disk may not be written to
 * @sectors: capacity
 * @mem: the shared-memory window
 * @mem_addr: its guest-physical address
 * @mem_size: its size
 * @state: registers
 * @lock: held by the worker while it serves one request, and by the I/O thread to start and stop
 *	  the queue. After a stop, the worker touches neither ring nor buffers.
 * @running: the worker may serve the queue; under @lock
 * @last_avail: position in the available ring; under @lock
 * @kick_assigned: the ioeventfd is assigned; I/O thread only
 */
struct dm {
	int fd;
	int irqfd;
	int kickfd;
	int image;
	bool read_only;
	uint64_t sectors;
	uint8_t *mem;
	uint64_t mem_addr;
	uint64_t mem_size;
	struct dm_state *state;
	pthread_mutex_t lock;
	bool running;
	uint16_t last_avail;
	bool kick_assigned;
};

/**
 * struct chain - one request's buffers, checked to lie inside the window
 * @head: index of the first descriptor
 * @nr_out: number of segments that the device reads
 * @nr_in: number of segments that the device writes
 * @out: segments that the device reads
 * @in: segments that the device writes
 */
struct chain {
	uint16_t head;
	unsigned int nr_out;
	unsigned int nr_in;
	struct iovec out[QUEUE_MAX];
	struct iovec in[QUEUE_MAX];
};

/* state.c */
struct dm_state *state_open(const char *path, uint32_t dm_id, uint64_t window);

/* mmio.c */
uint64_t mmio_read(struct dm *dm, uint64_t offset, uint64_t width);
void mmio_write(struct dm *dm, uint64_t offset, uint64_t width, uint64_t value);
void mmio_resume(struct dm *dm);

/* queue.c */
void *guest_memory(struct dm *dm, uint64_t addr, uint64_t len, uint64_t align);
bool queue_valid(struct dm *dm);
void queue_start(struct dm *dm);
void queue_stop(struct dm *dm);
void queue_kick(struct dm *dm);
void queue_interrupt(struct dm *dm, uint32_t bit);
void *queue_worker(void *arg);

/* blk.c */
uint64_t blk_features(struct dm *dm);
void blk_config(struct dm *dm, uint8_t *config, size_t size);
bool blk_serve(struct dm *dm, struct chain *chain, uint32_t *written);

#endif /* BAO_DM_H */
